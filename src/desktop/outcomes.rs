//! What came back from threads and runs, taken in before a frame is drawn.

use std::sync::Arc;

use super::app::Desktop;
use super::dialogs::{self, Dialog, OpenRemedy, SaveRemedy};
use super::jobs::{Outcome, Purpose};
use super::picker::Picked;
use super::state::accounts::Remembered;
use super::state::discovery::KmsEvent;
use super::state::notices::Tone;
use super::state::words;
use crate::workspace::{AddReport, ImportReport, OpenReport, SaveReport, SignInQuestion, StoreError, WorkspaceError};

impl Desktop {
    #[expect(clippy::too_many_lines, reason = "one arm for each outcome")]
    pub(super) fn take(&mut self, ctx: &egui::Context, outcome: Outcome) {
        match outcome {
            Outcome::Picked(purpose, ask, picked) => {
                self.dialogs.retain(|d| !matches!(d, Dialog::Path(_)));
                match picked {
                    Picked::File(path) => self.picked(purpose, path),
                    Picked::Cancelled => {}
                    Picked::Unavailable => self.dialogs.push(dialogs::path(purpose, ask)),
                }
            }
            Outcome::Exists(path) => {
                for dialog in &mut self.dialogs {
                    if let Dialog::Path(dialog) = dialog {
                        dialog.found(path.clone());
                    }
                }
            }
            Outcome::Opened { path, result } => {
                let cancelled = self.reading.take().is_some_and(|o| o.is_cancelled());
                match result {
                    // Done at the moment in which it was given up.
                    Ok((workspace, _)) if cancelled => self.discard(workspace),
                    Ok((workspace, report)) => {
                        self.install_list(workspace);
                        if let Some(report) = report {
                            self.tell_opened(&report);
                        }
                    }
                    Err(_) if cancelled => {}
                    Err(error) => {
                        if matches!(error, WorkspaceError::Store(StoreError::NotFound { .. })) {
                            self.screen.recent.forget(&path);
                        }
                        self.open(Dialog::OpenFailed {
                            path,
                            message: match &error {
                                WorkspaceError::Store(StoreError::InUse { by, .. }) => {
                                    format!("It is open for changes elsewhere: {by}. Close it there first.")
                                }
                                error => words::sentence(&error.to_string()),
                            },
                            remedy: OpenRemedy::of(&error),
                        });
                    }
                }
            }
            Outcome::Discarded => {}
            Outcome::Broken { name, file } => self.broken(&name, file),
            Outcome::Keyring(answer) => self.keyring_answered(answer),
            Outcome::WayChosen(way, result) => self.way_chosen(way, result),
            Outcome::Remembered(result) => self.remembered(result),
            Outcome::Saved { then_quit, result } => {
                self.reading = None;
                self.saved(ctx, then_quit, result);
            }
            Outcome::SavedAs(path, result) => match result {
                Ok(_) => {
                    self.say(Tone::Good, "Saved", path.display().to_string());
                    self.was_opened(&path);
                }
                Err(error) => self.fail("Not saved", &error),
            },
            Outcome::Exported(result) => match result {
                Ok(report) => {
                    let mut detail = format!("{}\n{}.", report.path.display(), report.profile.label());
                    if report.left_out > 0 {
                        let left = words::count(report.left_out, "product needs", "products need");
                        detail = format!("{detail} {left} no confirmation ID and stayed here.");
                    }
                    let title = format!("{} exported", words::count(report.products, "product", "products"));
                    self.say(Tone::Good, title, detail);
                }
                Err(error) => self.fail("Not exported", &error),
            },
            Outcome::TableExported(result) => match result {
                Ok(report) => {
                    let rows = words::count(report.rows, "row", "rows");
                    self.say(
                        Tone::Good,
                        format!("{rows} exported"),
                        report.path.display().to_string(),
                    );
                }
                Err(error) => self.fail("Not exported", &error),
            },
            Outcome::Planned(dialog) => self.planned(*dialog),
            Outcome::Sealed(result) => self.sealed(result),
            Outcome::Unlocked(result) => self.unlocked(result),
            Outcome::Unsealed(forgotten, result) => match result {
                Ok(()) if forgotten => self.say(
                    Tone::Warning,
                    "Seal removed, locked product keys given up",
                    "Their entries are still here. Add the keys again when you have them.",
                ),
                Ok(()) => self.say(Tone::Good, "Seal removed", "The product keys are in the file in clear."),
                Err(error) => self.fail("Seal not removed", &error),
            },
            Outcome::CopiesRemoved(result) => match result {
                Ok(paths) => {
                    let files = words::count(paths.len(), "older copy", "older copies");
                    self.say(Tone::Good, format!("{files} removed"), "");
                }
                Err(error) => self.fail("Not removed", &error),
            },
            Outcome::Reload(dialog) => {
                self.reading = None;
                self.dialogs.push(*dialog);
            }
            Outcome::Undone(word, result) => match result {
                Ok(Some(undone)) => {
                    let kept: Vec<String> = undone.kept.iter().map(|k| words::sentence(k)).collect();
                    let tone = if kept.is_empty() { Tone::Good } else { Tone::Warning };
                    self.say(tone, format!("{word}: {}", undone.label), kept.join("\n"));
                }
                Ok(None) => {}
                Err(error) => self.fail("Not changed", &error),
            },
            Outcome::Imported(report) => match *report {
                Ok(report) => self.tell_imported(&report),
                Err(error) => self.fail("Nothing imported", &error),
            },
            Outcome::ComputersAdded(result) => self.computers_added(result),
            Outcome::Discovery(outcome) => self.discovery_outcome(outcome),
            Outcome::ListFileRead(path, columns) => {
                let dialog = self.dialogs.iter_mut().find(|d| matches!(d, Dialog::Discover(_)));
                match (dialog, columns) {
                    (Some(Dialog::Discover(dialog)), Ok(columns)) => dialog.chose_file(&path, columns),
                    (_, Err(message)) => self.say(Tone::Bad, "File not read", message),
                    _ => {}
                }
            }
            Outcome::Approved(suffixes, result) => match result {
                Ok(()) => self.kms_event(KmsEvent::Audit(suffixes)),
                Err(error) => self.fail("Not changed", &error),
            },
            Outcome::KeysAdded(result) => {
                if let Some(Dialog::AddKeys(dialog)) = self.dialogs.iter_mut().find(|d| matches!(d, Dialog::AddKeys(_)))
                {
                    dialog.answered(result);
                } else if let Err(error) = result {
                    self.fail("No product key added", &error);
                }
            }
            Outcome::TextRead(purpose, text) => match text {
                Ok(text) => self.text_read(&purpose, &text),
                Err(message) => self.say(Tone::Bad, "File not read", message),
            },
            Outcome::Edited(what, result) => match result {
                Ok(()) => self.say(Tone::Good, what, ""),
                Err(error) => self.fail("Not changed", &error),
            },
            Outcome::Priced(job, price) => self.priced(job, price),
            Outcome::Started(result) => match result {
                Ok(_) => {
                    self.screen.drawer_open = true;
                    self.screen.drawer_closed = None;
                    self.screen.drawer_failed_only = false;
                }
                Err(error) => self.fail("Not started", &error),
            },
            Outcome::AuthoritiesRead(problem) => {
                if let Some(problem) = problem {
                    self.say(Tone::Bad, "Authority not usable", words::sentence(&problem));
                }
            }
            Outcome::RowsAsText(text, rows) => {
                ctx.copy_text(text);
                self.say(Tone::Good, format!("{} copied", words::count(rows, "row", "rows")), "");
            }
        }
    }

    /// A thread ended by a mistake of ours. What it said is not shown: there might be a password in it.
    fn broken(&mut self, name: &str, file: bool) {
        if file {
            self.reading = None;
        }
        if name == "keyring" && self.remembered == Remembered::Asking {
            self.remembered = Remembered::Unasked;
        }
        if name == "accept"
            && let Some(found) = &mut self.screen.found
        {
            found.accepting = false;
        }
        self.say(
            Tone::Bad,
            "MAKeeper made a mistake",
            format!(
                "Its work called {name} ended before it was done. Nothing that is in the list is lost; try again, and report it \
                 if it happens once more."
            ),
        );
    }

    /// A dialog shows what an import would do; one that waited for a passphrase is answered.
    fn planned(&mut self, plan: Result<Dialog, WorkspaceError>) {
        let cancelled = self.reading.take().is_some_and(|r| r.is_cancelled());
        match plan {
            // Also what was done at the moment in which it was given up.
            _ if cancelled => self.dialogs.retain(|d| !matches!(d, Dialog::Unlock(_))),
            Ok(dialog) => {
                self.dialogs.retain(|d| !matches!(d, Dialog::Unlock(_)));
                self.open(dialog);
            }
            Err(error) => match self.waiting_for_passphrase() {
                Some(dialog) => dialog.failed(words::sentence(&error.to_string())),
                None => self.fail("Nothing imported", &error),
            },
        }
    }

    fn tell_opened(&mut self, report: &OpenReport) {
        if let Some(format) = report.legacy {
            self.say(
                Tone::Warning,
                format!("This is a list of {format}"),
                "It is open to look at only, because its file is never written. To work on, choose File, Save as… and save it \
                 as a .cilx list; the old file stays as it is.",
            );
        }
        if !report.recovered.is_empty() {
            let told = words::sentence(&report.recovered.to_string());
            let text = if self.list.as_ref().is_some_and(|l| l.snapshot.unsaved > 0) {
                format!(
                    "{told} They are in the list again, but not in its file yet: look whether all is well, then save."
                )
            } else {
                told
            };
            // Whoever opens a list and fetches a coffee finds it.
            let now = std::time::Instant::now();
            self.screen
                .notices
                .say_until_closed(now, Tone::Warning, "Changes recovered", text);
        }
        let warnings = report.warnings.len();
        if let Some(first) = report.warnings.first() {
            self.say(
                Tone::Warning,
                format!(
                    "{} of the file could not be read as they stand",
                    words::count(warnings, "row", "rows")
                ),
                words::sentence(&first.to_string()),
            );
        }
    }

    fn saved(&mut self, ctx: &egui::Context, then_quit: bool, result: Result<SaveReport, WorkspaceError>) {
        match result {
            Ok(_) if then_quit => {
                self.quit = true;
                ctx.send_viewport_cmd(egui::ViewportCommand::Close);
            }
            Ok(report) => {
                let changes = words::count(report.changes, "change", "changes");
                self.say(Tone::Good, "Saved", format!("{changes} written to the file."));
            }
            Err(error) => self.open(Dialog::SaveFailed {
                message: words::sentence(&error.to_string()),
                remedy: SaveRemedy::of(&error),
            }),
        }
    }

    fn tell_imported(&mut self, report: &ImportReport) {
        if let Some(counts) = report.merged {
            let mut detail = format!(
                "{} new, {} newer there, {} newer here, {} the same.",
                words::number(counts.new),
                words::number(counts.newer_there),
                words::number(counts.newer_here),
                words::number(counts.same),
            );
            let undecided = report.undecided.len() + report.conflicts.len();
            if undecided > 0 {
                let rows = words::count(undecided, "conflict", "conflicts");
                detail = format!("{detail} {rows} kept what is here; the activity log says which.");
            }
            let lost = report.unmatched.len() + report.refused.len();
            if lost > 0 {
                let rows = words::count(lost, "row was", "rows were");
                detail = format!("{detail} {rows} not applied.");
            }
            let tone = if undecided + lost > 0 {
                Tone::Warning
            } else {
                Tone::Good
            };
            self.say(tone, "Merged", detail);
            return;
        }
        let open = report.unmatched.len() + report.conflicts.len() + report.refused.len();
        let mut detail = format!(
            "{} matched, {} new, {} known already.",
            words::count(report.matched, "row", "rows"),
            words::number(report.added),
            words::number(report.already_known),
        );
        if open > 0 {
            let rows = words::count(open, "row was", "rows were");
            detail = format!("{detail} {rows} not applied; the activity log says which.");
        }
        let ids = words::count(report.confirmation_ids, "confirmation ID", "confirmation IDs");
        let tone = if open > 0 { Tone::Warning } else { Tone::Good };
        self.say(tone, format!("Imported {ids}"), detail);
    }

    fn computers_added(&mut self, result: Result<AddReport, WorkspaceError>) {
        match result {
            Ok(report) => {
                let problems: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
                let mut detail = Vec::new();
                if !report.known.is_empty() {
                    detail.push(format!("{} in the list already.", words::number(report.known.len())));
                }
                if !report.elsewhere.is_empty() {
                    self.open(Dialog::Elsewhere(report.elsewhere.clone()));
                }
                if report.added.is_empty() {
                    detail.push("Nothing was added.".to_owned());
                } else {
                    detail.push("Update the license status to collect their products.".to_owned());
                }
                if let Some(first) = problems.first() {
                    let more = if problems.len() > 1 {
                        format!(" (and {} more)", problems.len() - 1)
                    } else {
                        String::new()
                    };
                    detail.push(format!("Not understood: {}{more}", words::sentence(first)));
                }
                let title = format!("{} added", words::count(report.added.len(), "computer", "computers"));
                let tone = if problems.is_empty() { Tone::Good } else { Tone::Warning };
                self.say(tone, title, detail.join(" "));
            }
            Err(error) => self.fail("No computer added", &error),
        }
    }

    fn text_read(&mut self, purpose: &Purpose, text: &str) {
        for dialog in &mut self.dialogs {
            match (dialog, purpose) {
                (Dialog::AddKeys(d), Purpose::Keys) => d.append(text),
                (Dialog::AddComputers(d), Purpose::Computers) => d.append(text),
                _ => {}
            }
        }
    }

    /// Hands on what a run asks.
    pub(super) fn ask_for_run(&mut self) {
        let question = self.current_run().and_then(|run| run.progress().question);
        let asks = |of: &Arc<SignInQuestion>| question.as_ref().is_some_and(|asked| Arc::ptr_eq(of, asked));
        // What is asked no longer, or by a run before, needs no answer.
        self.dialogs
            .retain(|d| !matches!(d, Dialog::Credentials(d) if d.question().is_some_and(|q| !asks(q))));
        let is_open = self
            .dialogs
            .iter()
            .any(|d| matches!(d, Dialog::Credentials(d) if d.question().is_some()));
        if let Some(question) = question.filter(|_| !is_open) {
            self.dialogs.push(dialogs::credentials_again(question));
        }
    }

    /// Says once how a run ended.
    pub(super) fn announce_run(&mut self) {
        let Some(run) = self
            .current_run()
            .filter(|r| r.is_finished() && r.id() > self.screen.announced)
        else {
            return;
        };
        self.screen.announced = run.id();
        let progress = run.progress();
        let mut parts = Vec::new();
        for (n, word) in [
            (progress.succeeded, "succeeded"),
            (progress.failed, "failed"),
            (progress.skipped, "needed nothing"),
            (progress.cancelled, "cancelled"),
        ] {
            if n > 0 {
                parts.push(format!("{} {word}", words::number(n)));
            }
        }
        let tone = if progress.failed > 0 || progress.cancelled > 0 {
            Tone::Warning
        } else {
            Tone::Good
        };
        if self.screen.drawer_closes && progress.failed == 0 {
            self.screen.drawer_closed = Some(run.id());
        }
        // The drawer says the same, as long as it is there.
        if self.screen.drawer_closed == Some(run.id()) {
            self.say(tone, format!("{}: done", run.title()), parts.join(", "));
        }
    }
}
