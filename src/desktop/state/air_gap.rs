//! Where on the way across the air gap an open list is, and what comes next.

use crate::model::Counts;

/// The three stations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Station {
    /// In the isolated lab: keys are installed and installation IDs collected.
    Collect,
    /// Where the activation service can be reached: confirmation IDs are acquired.
    Acquire,
    /// Back in the lab: confirmation IDs are applied.
    Apply,
}

impl Station {
    /// The stations in their order.
    pub const ALL: [Self; 3] = [Self::Collect, Self::Acquire, Self::Apply];

    /// Number on the way, from 1.
    pub fn number(self) -> usize {
        match self {
            Self::Collect => 1,
            Self::Acquire => 2,
            Self::Apply => 3,
        }
    }

    /// Where it is.
    pub fn place(self) -> &'static str {
        match self {
            Self::Collect | Self::Apply => "Isolated lab",
            Self::Acquire => "Connected side",
        }
    }

    /// What happens there.
    pub fn title(self) -> &'static str {
        match self {
            Self::Collect => "Collect installation IDs",
            Self::Acquire => "Acquire confirmation IDs",
            Self::Apply => "Apply confirmation IDs",
        }
    }
}

/// The one thing that comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The list is empty.
    AddComputers,
    /// Ask so many computers.
    Update(usize),
    /// Install a MAK where none is.
    InstallKey,
    /// Carry so many rows to the connected side.
    CarryOut(usize),
    /// Ask the service for so many.
    Acquire(usize),
    /// Carry so many confirmation IDs back.
    CarryBack(usize),
    /// Put so many on the computers.
    Apply(usize),
    /// Nothing is left to do.
    Done,
}

/// Where the list is and what comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whereabouts {
    /// The station.
    pub station: Station,
    /// What comes next.
    pub next: Next,
}

impl Whereabouts {
    /// Derived from the list: a list whose rows carry no computer has crossed the gap.
    pub fn of(counts: &Counts) -> Self {
        let at = |station, next| Self { station, next };
        if counts.products > 0 && counts.nameless == counts.products {
            return if counts.need_confirmation_id > 0 {
                at(Station::Acquire, Next::Acquire(counts.need_confirmation_id))
            } else if counts.can_apply > 0 {
                at(Station::Acquire, Next::CarryBack(counts.can_apply))
            } else {
                at(Station::Acquire, Next::Done)
            };
        }
        if counts.can_apply > 0 {
            return at(Station::Apply, Next::Apply(counts.can_apply));
        }
        if counts.need_confirmation_id > 0 {
            return at(Station::Collect, Next::CarryOut(counts.need_confirmation_id));
        }
        if counts.computers == 0 {
            return at(Station::Collect, Next::AddComputers);
        }
        let never_asked = counts.bare_computers + counts.without_installation_id;
        if never_asked > 0 {
            return at(Station::Collect, Next::Update(never_asked));
        }
        let licensed = counts.with_status(crate::model::LicenseStatus::Licensed);
        if licensed < counts.products {
            return at(Station::Collect, Next::InstallKey);
        }
        at(Station::Apply, Next::Done)
    }
}

/// What of a list does not cross the air gap with the rows that are ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Behind {
    /// Computers whose products were never collected.
    pub never_asked: usize,
    /// Products with a key that no confirmation ID activates.
    pub other_key: usize,
    /// Products with a fitting key whose installation ID was not read.
    pub without_id: usize,
}

impl Behind {
    /// Derived from the list.
    pub fn of(counts: &Counts) -> Self {
        Self {
            never_asked: counts.bare_computers,
            other_key: counts.without_proxy_key,
            without_id: counts.without_installation_id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::LicenseStatus;

    fn counts(computers: usize, products: usize) -> Counts {
        Counts {
            computers,
            products,
            ..Counts::default()
        }
    }

    #[test]
    fn the_way_of_forty_products_across_the_gap() {
        let mut lab = Counts {
            bare_computers: 40,
            ..counts(40, 0)
        };
        assert_eq!(Whereabouts::of(&lab).next, Next::Update(40));
        lab.bare_computers = 0;
        lab.products = 40;
        assert_eq!(Whereabouts::of(&lab).next, Next::InstallKey);
        lab.need_confirmation_id = 40;
        let here = Whereabouts::of(&lab);
        assert_eq!((here.station, here.next), (Station::Collect, Next::CarryOut(40)));

        let mut carried = Counts {
            nameless: 40,
            need_confirmation_id: 40,
            ..counts(0, 40)
        };
        let here = Whereabouts::of(&carried);
        assert_eq!((here.station, here.next), (Station::Acquire, Next::Acquire(40)));
        carried.need_confirmation_id = 0;
        carried.can_apply = 40;
        assert_eq!(Whereabouts::of(&carried).next, Next::CarryBack(40));

        lab.need_confirmation_id = 0;
        lab.can_apply = 40;
        let here = Whereabouts::of(&lab);
        assert_eq!((here.station, here.next), (Station::Apply, Next::Apply(40)));
        lab.can_apply = 0;
        lab.by_status.insert(LicenseStatus::Licensed, 40);
        assert_eq!(Whereabouts::of(&lab).next, Next::Done);
    }

    #[test]
    fn an_empty_list_begins_with_computers() {
        assert_eq!(Whereabouts::of(&Counts::default()).next, Next::AddComputers);
    }
}
