//! The approach to a computer: where its name leads, whether anybody is there, and which ways are open.

use super::Settings;
use crate::discovery::{Sight, knock, resolve};
use crate::model::{Computer, ConnectTo, Failure, FailureClass, WayIn};
use crate::wmi::Target;

/// Ways to a computer that answered, the first to be tried first.
#[derive(Debug, Clone)]
pub(super) struct Approach {
    pub(super) ways: Vec<(WayIn, Target)>,
}

/// Ways tried when none is chosen. Over HTTPS a computer shows who it is before anything is sent to it.
fn automatic() -> &'static [WayIn] {
    if cfg!(windows) {
        &[WayIn::Https, WayIn::Http, WayIn::Dcom]
    } else {
        &[WayIn::Https, WayIn::Http]
    }
}

/// Ways and ports to try, in the order of preference: the one chosen by hand, else the one of its own port, else those in use,
/// and of these first the one that led in last time.
fn candidates(computer: &Computer, chosen: Option<WayIn>) -> Vec<(WayIn, u16)> {
    let own = computer.connect.clone().unwrap_or_default();
    let ConnectTo { port, way, .. } = own;
    let chosen = chosen.or(way).or(port.map(WayIn::of_port));
    let mut ways: Vec<WayIn> = chosen.map_or_else(|| automatic().to_vec(), |way| vec![way]);
    let known = computer.known_way();
    ways.sort_by_key(|way| known != Some(*way));
    ways.into_iter().map(|way| (way, port.unwrap_or(way.port()))).collect()
}

fn target(computer: &Computer, way: WayIn, port: u16) -> Target {
    let own = computer.connect.as_ref();
    Target::new(&*computer.name, way == WayIn::Https).at(own.and_then(|o| o.address.as_deref()), Some(port))
}

/// Looks for a computer. What is wrong is decided here from what the resolver and the ports say.
pub(super) async fn approach(computer: &Computer, settings: &Settings) -> Result<Approach, Failure> {
    let candidates = candidates(computer, settings.way);
    let has_port = computer.connect.as_ref().is_some_and(|c| c.port.is_some());
    let ports: Vec<u16> = candidates.iter().map(|(_, port)| *port).collect();
    // For messages: the first of the ways stands for all.
    let first = candidates.first().copied().unwrap_or((WayIn::Http, WayIn::Http.port()));
    let shown = target(computer, first.0, first.1);
    let addresses = resolve(computer.connect_address(), settings.resolve_timeout)
        .await
        .map_err(|error| {
            let what = format!("cannot be found: {error}. Check the name, or give an address");
            shown.failure(FailureClass::NameNotFound, what)
        })?;
    let sight = knock(&addresses, &ports, !has_port, settings.connect_timeout).await;
    let ways: Vec<(WayIn, Target)> = sight
        .open
        .iter()
        .filter_map(|(port, address)| {
            let (way, port) = *candidates.iter().find(|(_, p)| p == port)?;
            let mut target = target(computer, way, port);
            target.address = Some(*address);
            Some((way, target))
        })
        .collect();
    if ways.is_empty() {
        return Err(closed(&shown, &sight, settings));
    }
    Ok(Approach { ways })
}

/// Why no way is open.
fn closed(target: &Target, sight: &Sight, settings: &Settings) -> Failure {
    let waited = settings.connect_timeout.as_secs_f32();
    // A single port stands behind the name already.
    let several = sight.silent.len() + sight.refused.len() > 1;
    let on = |ports: &[u16]| {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        if several {
            format!(" on port {}", ports.join(" and "))
        } else {
            String::new()
        }
    };
    let failure = |class, what: String| {
        if several {
            let message = format!("{} {what}", target.name);
            let code = None;
            Failure { class, message, code }
        } else {
            target.failure(class, what)
        }
    };
    if sight.no_route {
        return failure(
            FailureClass::Network,
            "cannot be reached: no route leads to its network".into(),
        );
    }
    let shows_life = sight.other.or(sight.refused.first().copied());
    match (shows_life, sight.silent.as_slice()) {
        (Some(_), []) => {
            let what = format!("refused the connection{}: no service listens there", on(&sight.refused));
            failure(FailureClass::Refused, what)
        }
        (Some(alive), silent) => failure(
            FailureClass::Firewall,
            format!(
                "is on, because its port {alive} answers, but is silent{}: a firewall drops what is sent there",
                on(silent)
            ),
        ),
        (None, silent) => failure(
            FailureClass::NoAnswer,
            format!(
                "did not answer{} within {waited} s: it is off, asleep, or a firewall drops everything",
                on(silent)
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Contact;

    fn computer(port: Option<u16>, way: Option<WayIn>, known: Option<WayIn>) -> Computer {
        let mut computer = Computer::named("pc");
        computer.connect = Some(ConnectTo {
            address: None,
            port,
            way,
        });
        computer.contact = known.map(|way| Contact {
            at: chrono::Utc::now(),
            failure: None,
            way: Some(way),
        });
        computer
    }

    #[test]
    fn what_was_chosen_by_hand_goes_before_what_is_known_and_that_before_what_is_usual() {
        use WayIn::{Dcom, Http, Https};
        let tried = |port, way, known, chosen| candidates(&computer(port, way, known), chosen);
        let usual = tried(None, None, None, None);
        assert_eq!(usual.first(), Some(&(Https, 5986)));
        assert_eq!(tried(None, None, Some(Http), None).first(), Some(&(Http, 5985)));
        assert_eq!(tried(None, None, Some(Http), None).len(), usual.len());
        assert_eq!(tried(None, Some(Https), Some(Http), None), [(Https, 5986)]);
        assert_eq!(tried(None, Some(Https), None, Some(Dcom)), [(Dcom, 135)]);
        assert_eq!(tried(Some(8443), None, None, None), [(Http, 8443)]);
        assert_eq!(tried(Some(5986), None, None, None), [(Https, 5986)]);
        assert_eq!(tried(Some(8443), Some(Https), None, None), [(Https, 8443)]);
    }

    #[test]
    fn silence_is_off_unless_something_shows_that_the_computer_is_on() {
        let class = |refused: &[u16], silent: &[u16], other| {
            let sight = Sight {
                open: Vec::new(),
                refused: refused.to_vec(),
                silent: silent.to_vec(),
                other,
                no_route: false,
            };
            closed(&Target::new("pc", false), &sight, &Settings::default()).class
        };
        assert_eq!(class(&[], &[5986, 5985], None), FailureClass::NoAnswer);
        assert_eq!(class(&[], &[5986, 5985], Some(445)), FailureClass::Firewall);
        assert_eq!(class(&[5986], &[5985], None), FailureClass::Firewall);
        assert_eq!(class(&[5986, 5985], &[], None), FailureClass::Refused);
    }
}
