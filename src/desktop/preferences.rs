//! What the desktop remembers between starts: one small file in the person's configuration folder. Of who signs in to groups
//! of computers only names in the keyring; never a password or a passphrase, no product key.
//!
//! What cannot be read of it is told once, and the usual is taken in its place; what another version put there is kept.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::state::columns;
use super::state::recent::Recent;
use super::state::screen::{Look, Screen};
use crate::model::{Column, WayIn};
use crate::workspace::{ProxySetting, Settings, check_account_name};

/// The size of the window, in points of the display.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowSize {
    /// Width, height; when it is not maximized.
    pub size: [f32; 2],
    /// It fills the display.
    pub maximized: bool,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Preferences {
    /// Light or dark.
    pub look: Look,
    /// Size of everything, 1 is normal; `None`: nobody chose one.
    pub zoom: Option<f32>,
    /// Details are shown.
    pub details: Option<bool>,
    /// The progress drawer goes away by itself.
    pub drawer_closes: Option<bool>,
    /// The window.
    pub window: Option<WindowSize>,
    /// The columns of the product list.
    pub columns: Option<Vec<Column>>,
    /// The columns of the table that was exported last.
    pub export_columns: Option<Vec<Column>>,
    /// How runs behave.
    pub runs: Settings,
    /// The lists opened last.
    pub recent: Recent,
    /// Accounts for groups of computers: a pattern, and a name in the keyring.
    pub accounts: Vec<(String, String)>,
    /// What somebody else put into the file.
    rest: Map<String, Value>,
}

/// Why the file, or a part of it, is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The system does not let it be read.
    #[error("{} cannot be read: {why}; the usual settings are used", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        why: String,
    },
    /// It is no such file at all.
    #[error("{} is damaged ({why}): the usual settings are used, and the file was kept as {}", path.display(), kept.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and where.
        why: String,
        /// Where it lies now.
        kept: PathBuf,
    },
    /// Single entries of it make no sense.
    #[error("in {} these entries make no sense, so the usual is used in their place: {}", path.display(), entries.join(", "))]
    Entries {
        /// The file.
        path: PathBuf,
        /// Their names.
        entries: Vec<String>,
    },
}

/// More is no file of ours.
const MOST_BYTES: u64 = 1 << 20;

/// Where the preferences of this person are; `None` where the system has no such place.
pub fn usual_file() -> Option<PathBuf> {
    let folders = directories::ProjectDirs::from("", "", "makeeper")?;
    Some(folders.config_dir().join("desktop.json"))
}

/// Reads the file. A missing one is no trouble. Blocks on the disk.
pub fn load(path: &Path) -> (Preferences, Option<Trouble>) {
    let unreadable = |why: io::Error| Trouble::Unreadable {
        path: path.to_owned(),
        why: why.to_string(),
    };
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Default::default(),
        Err(error) => return (Preferences::default(), Some(unreadable(error))),
    };
    let why = match serde_json::from_slice::<Value>(&bytes) {
        Ok(Value::Object(map)) => {
            let mut entries = Entries {
                map,
                senseless: Vec::new(),
            };
            let preferences = entries.preferences();
            let trouble = (!entries.senseless.is_empty()).then(|| Trouble::Entries {
                path: path.to_owned(),
                entries: entries.senseless.iter().map(|e| (*e).to_owned()).collect(),
            });
            return (preferences, trouble);
        }
        Ok(_) => "it holds no settings".to_owned(),
        Err(error) => error.to_string(),
    };
    let kept = path.with_extension("damaged.json");
    let trouble = match std::fs::rename(path, &kept) {
        Ok(()) => Trouble::Damaged {
            path: path.to_owned(),
            why,
            kept,
        },
        Err(error) => unreadable(error),
    };
    (Preferences::default(), Some(trouble))
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    use std::io::Read as _;

    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes the file, whole or not at all; makes its folder. Blocks on the disk.
pub fn save(path: &Path, preferences: &Preferences) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(preferences.to_json().as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// The entries of a file that are not taken yet.
struct Entries {
    map: Map<String, Value>,
    senseless: Vec<&'static str>,
}

impl Entries {
    /// The entry of this name, if `make` can make something of it. A missing one, or `null`, is none.
    fn take<J: DeserializeOwned, T>(&mut self, name: &'static str, make: impl FnOnce(J) -> Option<T>) -> Option<T> {
        let value = self.map.remove(name).filter(|v| !v.is_null())?;
        let sense = serde_json::from_value(value).ok().and_then(make);
        if sense.is_none() {
            self.senseless.push(name);
        }
        sense
    }

    fn seconds(&mut self, name: &'static str, usual: Duration) -> Duration {
        let made = self.take(name, |s: u64| {
            (1..=86_400).contains(&s).then_some(Duration::from_secs(s))
        });
        made.unwrap_or(usual)
    }

    fn columns(&mut self, name: &'static str) -> Option<Vec<Column>> {
        self.take(name, |names: Vec<String>| {
            let columns: Option<Vec<Column>> = names.iter().map(|n| Column::from_name(n)).collect();
            columns.filter(|c| !c.is_empty())
        })
    }

    fn preferences(&mut self) -> Preferences {
        let look = self.take("look", |name: String| {
            Look::ALL.iter().copied().find(|l| l.name() == name)
        });
        let size = self.take("window", |size: [f32; 2]| {
            size.iter()
                .all(|side| (200.0..=20_000.0).contains(side))
                .then_some(size)
        });
        let maximized = self.take("maximized", Some).unwrap_or(false);
        Preferences {
            look: look.unwrap_or_default(),
            zoom: self.take("zoom", |zoom: f32| (0.5..=3.0).contains(&zoom).then_some(zoom)),
            details: self.take("details", Some),
            drawer_closes: self.take("drawer_closes", Some),
            window: size.map(|size| WindowSize { size, maximized }),
            columns: self.columns("columns"),
            export_columns: self.columns("export_columns"),
            runs: self.runs(),
            recent: self
                .take("recent", |paths: Vec<PathBuf>| Some(Recent::of(paths)))
                .unwrap_or_default(),
            accounts: self.take("accounts", account_pairs).unwrap_or_default(),
            rest: std::mem::take(&mut self.map),
        }
    }

    fn runs(&mut self) -> Settings {
        let usual = Settings::default();
        let within = |range: std::ops::RangeInclusive<usize>| move |n: usize| range.contains(&n).then_some(n);
        Settings {
            service_url: self.take("service", |url: String| keepable(&url).then_some(url)),
            proxy: self
                .take("proxy", |text: String| match text.as_str() {
                    "system" => Some(ProxySetting::System),
                    "direct" => Some(ProxySetting::Direct),
                    url => keepable(url).then(|| ProxySetting::Url(url.to_owned())),
                })
                .unwrap_or_default(),
            concurrency: self.take("concurrency", within(1..=1024)).unwrap_or(usual.concurrency),
            per_subnet: self.take("per_subnet", within(1..=1024)),
            way: self.take("way", |name: String| WayIn::from_name(&name)),
            extra_ca_files: self.take("authorities", Some).unwrap_or_default(),
            resolve_timeout: self.seconds("resolve_timeout_secs", usual.resolve_timeout),
            sign_in_timeout: self.seconds("sign_in_timeout_secs", usual.sign_in_timeout),
            connect_timeout: self.seconds("connect_timeout_secs", usual.connect_timeout),
            operation_timeout: self.seconds("operation_timeout_secs", usual.operation_timeout),
            computer_timeout: self.seconds("computer_timeout_secs", usual.computer_timeout),
            low_water: self.take("low_water", |mark: u32| (1..=1_000_000).contains(&mark).then_some(mark)),
            generations: self.take("generations", within(0..=99)).unwrap_or(usual.generations),
            ..usual
        }
    }
}

/// Patterns and names in the keyring, as [`Preferences::accounts`] has them.
fn account_pairs(pairs: Vec<[String; 2]>) -> Option<Vec<(String, String)>> {
    let fits = |[pattern, name]: &[String; 2]| !pattern.trim().is_empty() && check_account_name(name).is_ok();
    let all_fit = pairs.iter().all(fits);
    all_fit.then(|| pairs.into_iter().map(|[pattern, name]| (pattern, name)).collect())
}

/// Paths as text. One that is no text cannot stand in the file.
fn paths(paths: &[PathBuf]) -> Vec<&str> {
    paths.iter().filter_map(|p| p.to_str()).collect()
}

/// An address that may lie in a file: one with a user, and thus perhaps a password, may not.
fn keepable(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@'))
}

impl Preferences {
    /// What the window looks like is as it was.
    pub fn apply(&self, screen: &mut Screen) {
        screen.look = self.look;
        if let Some(zoom) = self.zoom {
            screen.set_zoom(zoom);
        }
        screen.details = self.details.unwrap_or(screen.details);
        screen.drawer_closes = self.drawer_closes.unwrap_or(screen.drawer_closes);
        screen.recent.clone_from(&self.recent);
        if let Some(columns) = &self.columns {
            screen.columns = columns::with(columns, Column::Computer, true);
        }
        if let Some(columns) = &self.export_columns {
            screen.export_columns.clone_from(columns);
        }
    }

    /// What is to be remembered now. How runs behave stays as it was where `runs` is `None`.
    #[must_use]
    pub fn now(
        &self,
        screen: &Screen,
        window: Option<WindowSize>,
        runs: Option<&Settings>,
        accounts: Vec<(String, String)>,
    ) -> Self {
        Self {
            look: screen.look,
            zoom: Some(screen.zoom),
            details: Some(screen.details),
            drawer_closes: Some(screen.drawer_closes),
            // A window that fills the display goes back to the size it had.
            window: match (window, self.window) {
                (Some(now), Some(before)) if now.maximized => Some(WindowSize {
                    size: before.size,
                    ..now
                }),
                (now, before) => now.or(before),
            },
            // Whoever chose none gets what is usual in later versions.
            columns: (screen.columns != columns::USUAL).then(|| screen.columns.clone()),
            export_columns: Some(screen.export_columns.clone()),
            runs: runs.unwrap_or(&self.runs).clone(),
            recent: screen.recent.clone(),
            accounts,
            rest: self.rest.clone(),
        }
    }

    fn to_json(&self) -> String {
        let names = |columns: &Vec<Column>| columns.iter().map(|c| c.name()).collect::<Vec<_>>();
        let runs = &self.runs;
        let proxy = match &runs.proxy {
            ProxySetting::System => Some("system"),
            ProxySetting::Direct => Some("direct"),
            ProxySetting::Url(url) => Some(url.as_str()).filter(|url| keepable(url)),
        };
        let entries = [
            ("look", json!(self.look.name())),
            ("zoom", json!(self.zoom)),
            ("details", json!(self.details)),
            ("drawer_closes", json!(self.drawer_closes)),
            ("window", json!(self.window.map(|w| w.size))),
            ("maximized", json!(self.window.is_some_and(|w| w.maximized))),
            ("columns", json!(self.columns.as_ref().map(names))),
            ("export_columns", json!(self.export_columns.as_ref().map(names))),
            (
                "service",
                json!(runs.service_url.as_deref().filter(|url| keepable(url))),
            ),
            ("proxy", json!(proxy)),
            ("concurrency", json!(runs.concurrency)),
            ("per_subnet", json!(runs.per_subnet)),
            ("way", json!(runs.way.map(WayIn::name))),
            ("authorities", json!(paths(&runs.extra_ca_files))),
            ("resolve_timeout_secs", json!(runs.resolve_timeout.as_secs())),
            ("sign_in_timeout_secs", json!(runs.sign_in_timeout.as_secs())),
            ("connect_timeout_secs", json!(runs.connect_timeout.as_secs())),
            ("operation_timeout_secs", json!(runs.operation_timeout.as_secs())),
            ("computer_timeout_secs", json!(runs.computer_timeout.as_secs())),
            ("low_water", json!(runs.low_water)),
            ("generations", json!(runs.generations)),
            ("recent", json!(paths(self.recent.paths()))),
            ("accounts", json!(self.accounts)),
        ];
        let mut all = self.rest.clone();
        all.extend(entries.map(|(name, value)| (name.to_owned(), value)));
        format!("{:#}\n", Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembered() -> Preferences {
        Preferences {
            look: Look::Dark,
            zoom: Some(1.25),
            details: Some(false),
            drawer_closes: Some(true),
            window: Some(WindowSize {
                size: [1400.0, 860.0],
                maximized: true,
            }),
            columns: Some(vec![Column::Computer, Column::Status]),
            export_columns: Some(vec![Column::Computer, Column::Cmid]),
            runs: Settings {
                service_url: Some("https://activation.example/".into()),
                proxy: ProxySetting::Direct,
                concurrency: 7,
                connect_timeout: Duration::from_secs(9),
                per_subnet: Some(4),
                way: Some(WayIn::Https),
                extra_ca_files: vec!["/etc/ca.pem".into()],
                resolve_timeout: Duration::from_secs(11),
                low_water: Some(25),
                generations: 5,
                ..Settings::default()
            },
            recent: Recent::of(vec!["/lists/b.cilx".into(), "/lists/a.cilx".into()]),
            accounts: vec![("*.branch.example".into(), "branch".into())],
            rest: Map::new(),
        }
    }

    #[test]
    fn what_was_chosen_is_there_again_and_what_others_wrote_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new folder/desktop.json");
        assert_eq!(load(&path), (Preferences::default(), None), "a first start");
        let mut written = remembered();
        written.rest.insert("of_a_later_version".into(), json!({"a": [1, 2]}));
        save(&path, &written).unwrap();
        assert_eq!(load(&path), (written, None));
    }

    #[test]
    fn a_damaged_file_is_told_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desktop.json");
        for (text, words) in [
            ("{\"look\": \"da", "line 1"),
            ("[]", "no settings"),
            ("", "line 1"),
            ("\0\0", "line 1"),
        ] {
            std::fs::write(&path, text).unwrap();
            let (preferences, trouble) = load(&path);
            assert_eq!(preferences, Preferences::default());
            let told = trouble.unwrap().to_string();
            assert!(told.contains(words) && told.contains("desktop.damaged.json"), "{told}");
            assert_eq!(
                std::fs::read_to_string(folder.path().join("desktop.damaged.json")).unwrap(),
                text
            );
            assert_eq!(load(&path), (Preferences::default(), None));
        }
    }

    #[test]
    fn an_entry_without_sense_costs_only_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desktop.json");
        let text = r#"{"look": "mauve", "zoom": 400, "window": [1e9, 3], "concurrency": 0, "connect_timeout_secs": -4,
            "export_columns": ["computer", "shoe size"], "recent": "x", "accounts": [["*", ""]], "generations": 8, "low_water": null}"#;
        std::fs::write(&path, text).unwrap();
        let (preferences, trouble) = load(&path);
        assert_eq!(preferences.runs.generations, 8);
        assert_eq!(preferences.runs.concurrency, Settings::default().concurrency);
        assert_eq!(
            (preferences.look, preferences.zoom, preferences.window),
            (Look::System, None, None)
        );
        let Some(Trouble::Entries { mut entries, .. }) = trouble else {
            panic!("{trouble:?}")
        };
        entries.sort();
        assert_eq!(
            entries,
            [
                "accounts",
                "concurrency",
                "connect_timeout_secs",
                "export_columns",
                "look",
                "recent",
                "window",
                "zoom"
            ]
        );
    }

    #[test]
    fn an_address_with_a_password_is_never_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desktop.json");
        let mut written = remembered();
        written.runs.proxy = ProxySetting::Url("http://joe:s3cret@proxy.example:8080".into());
        written.runs.service_url = Some("https://joe:s3cret@activation.example/".into());
        save(&path, &written).unwrap();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("s3cret"));
        let (read, trouble) = load(&path);
        assert_eq!(
            (read.runs.proxy, read.runs.service_url, trouble),
            (ProxySetting::System, None, None)
        );
    }
}
