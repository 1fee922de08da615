//! What lists keep of other programs outside their records: nothing of ours is replaced, and what only theirs has comes in.

use crate::model::{Foreign, ForeignParts, ListHeader};

/// An attribute of the container and the element it counts.
const COUNTED: (&str, &str) = ("TotalAvailableProducts", "AvailableProducts");

/// `ours` with what only `theirs` has: attributes and elements with names that ours lacks. `None`: there is nothing of that.
///
/// A prefix that means something else here would give their elements another meaning: those are left out.
pub fn with_their_foreign(ours: &ListHeader, theirs: &ListHeader) -> Option<ListHeader> {
    let strange = strange_prefixes(ours, theirs);
    let merged = ListHeader {
        root: both(&ours.root, &theirs.root, &strange),
        data: both(&ours.data, &theirs.data, &strange),
        ..ours.clone()
    };
    (merged.root != ours.root || merged.data != ours.data).then_some(merged)
}

fn declarations(header: &ListHeader) -> impl Iterator<Item = (&str, &str)> {
    let parts = [header.root.parts(), header.data.parts()];
    let attributes = parts.into_iter().flatten().flat_map(|p| &p.attributes);
    attributes.filter_map(|(name, value)| {
        let prefix = if name == "xmlns" {
            ""
        } else {
            name.strip_prefix("xmlns:")?
        };
        Some((prefix, &**value))
    })
}

/// Prefixes of theirs that stand for something else in ours; the empty one is that of elements without a prefix.
fn strange_prefixes<'t>(ours: &ListHeader, theirs: &'t ListHeader) -> Vec<&'t str> {
    let here = |prefix: &str| declarations(ours).find(|(p, _)| *p == prefix).map(|(_, uri)| uri);
    declarations(theirs)
        .filter(|(prefix, uri)| match here(prefix) {
            Some(ours) => ours != *uri,
            // Taking over a default namespace would change what our own elements mean.
            None => prefix.is_empty(),
        })
        .map(|(prefix, _)| prefix)
        .collect()
}

fn both(ours: &Foreign, theirs: &Foreign, strange: &[&str]) -> Foreign {
    let Some(theirs) = theirs.parts() else {
        return ours.clone();
    };
    let mut parts = ours.parts().cloned().unwrap_or_default();
    let has = |known: &[(String, String)], name: &str| known.iter().any(|(n, _)| n == name);
    let is_strange = |name: &str, text: &str| {
        strange.iter().any(|prefix| match *prefix {
            "" => !name.contains(':') && name != "xmlns",
            prefix => text.contains(&format!("{prefix}:")),
        })
    };
    let lacking: Vec<_> = theirs
        .elements
        .iter()
        .filter(|(name, raw)| !has(&parts.elements, name) && !is_strange(name, raw))
        .cloned()
        .collect();
    let comes = |element: &str| has(&lacking, element);
    for (name, value) in &theirs.attributes {
        let wanted = match name.as_str() {
            "xmlns" => false,
            name if name == COUNTED.0 => comes(COUNTED.1),
            name => name.strip_prefix("xmlns:").is_some() || !strange.iter().any(|p| is_of(name, p)),
        };
        if wanted && !has(&parts.attributes, name) {
            parts.attributes.push((name.clone(), value.clone()));
        }
    }
    parts.elements.extend(lacking);
    if ours.parts() == Some(&parts) {
        return ours.clone();
    }
    Foreign::new(parts)
}

fn is_of(name: &str, prefix: &str) -> bool {
    name.split_once(':').is_some_and(|(p, _)| p == prefix)
}

/// Names of the elements and attributes that `after` has and `before` lacks, for people.
pub fn names_of_new(before: &ListHeader, after: &ListHeader) -> Vec<String> {
    let names = |parts: &ForeignParts| -> Vec<String> {
        let all = parts.elements.iter().chain(&parts.attributes);
        all.map(|(name, _)| name.clone()).collect()
    };
    let of = |header: &ListHeader| -> Vec<String> {
        let both = [header.root.parts(), header.data.parts()];
        both.into_iter().flatten().flat_map(names).collect()
    };
    let known = of(before);
    of(after).into_iter().filter(|name| !known.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(attributes: &[(&str, &str)], elements: &[(&str, &str)]) -> ListHeader {
        let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
        ListHeader {
            root: Foreign::new(ForeignParts {
                attributes: own(attributes),
                elements: own(elements),
            }),
            ..ListHeader::default()
        }
    }

    fn merged(ours: &ListHeader, theirs: &ListHeader) -> ListHeader {
        let once = with_their_foreign(ours, theirs).unwrap_or_else(|| ours.clone());
        assert_eq!(with_their_foreign(&once, theirs), None, "twice is once");
        once
    }

    #[test]
    fn ours_is_never_replaced_and_what_it_lacks_comes_in() {
        let ours = header(&[("a", "1")], &[("X", "<X>ours</X>")]);
        let theirs = header(&[("a", "2"), ("b", "3")], &[("X", "<X>theirs</X>"), ("Y", "<Y/>")]);
        let expected = header(&[("a", "1"), ("b", "3")], &[("X", "<X>ours</X>"), ("Y", "<Y/>")]);
        assert_eq!(merged(&ours, &theirs), expected);
        assert_eq!(names_of_new(&ours, &expected), ["Y", "b"]);
    }

    #[test]
    fn an_element_whose_prefix_means_something_else_here_stays_out() {
        let ours = header(&[("xmlns:x", "urn:one")], &[]);
        let theirs = header(
            &[("xmlns:x", "urn:other"), ("x:a", "1")],
            &[("x:Y", "<x:Y/>"), ("Z", "<Z x:b=\"1\"/>")],
        );
        assert_eq!(with_their_foreign(&ours, &theirs), None);
        let same = header(&[("xmlns:x", "urn:one")], &[("x:Y", "<x:Y/>")]);
        assert_eq!(merged(&ours, &same), same);
        let default = header(&[("xmlns", "urn:d")], &[("Y", "<Y/>")]);
        assert_eq!(with_their_foreign(&ours, &default), None);
    }

    #[test]
    fn a_count_comes_with_what_it_counts_only() {
        let ours = header(&[], &[("AvailableProducts", "<AvailableProducts/>")]);
        let theirs = header(
            &[("TotalAvailableProducts", "4")],
            &[("AvailableProducts", "<AvailableProducts>4</AvailableProducts>")],
        );
        assert_eq!(with_their_foreign(&ours, &theirs), None);
        assert_eq!(merged(&ListHeader::default(), &theirs), theirs);
    }
}
