//! The audit as a table, for the screen, the terminal and spreadsheets. Pure.

use super::{Answers, Approval, Duplicate, KmsDnsAudit, KmsRecord, SuffixOutcome};

/// The columns of [`KmsDnsAudit::rows`], in their order.
pub const KMS_DNS_COLUMNS: [&str; 12] = [
    "suffix",
    "outcome",
    "target",
    "port",
    "priority",
    "weight",
    "ttl",
    "addresses",
    "answers",
    "approved",
    "duplicate",
    "problem",
];

impl SuffixOutcome {
    /// For people.
    pub fn text(&self) -> String {
        match self {
            Self::Records(1) => "1 record".to_owned(),
            Self::Records(count) => format!("{count} records"),
            Self::NoRecords => "no KMS host in DNS".to_owned(),
            Self::NoSuchDomain => "no such domain".to_owned(),
            Self::Failed(failure) => failure.to_string(),
            Self::NotAsked => "not asked: cancelled".to_owned(),
        }
    }

    /// For programs: one word that stays.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Records(_) => "records",
            Self::NoRecords => "none",
            Self::NoSuchDomain => "no-such-domain",
            Self::Failed(_) => "failed",
            Self::NotAsked => "not-asked",
        }
    }
}

impl Answers {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Yes => "answers",
            Self::Refused => "refuses",
            Self::Silent => "silent",
            Self::Unreachable => "no route",
            Self::NotTried => "not tried",
        }
    }
}

impl Approval {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::NotApproved => "not approved",
            Self::NotAsked => "",
        }
    }
}

impl Duplicate {
    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::SameTarget => "same target",
            Self::SameAddress => "same address",
        }
    }
}

impl KmsRecord {
    /// What is wrong with the record and what to do about it; empty when nothing is.
    pub fn problem(&self) -> String {
        let target = &self.record.target;
        if self.approval == Approval::NotApproved {
            return format!(
                "{target} is not an approved KMS host: put its KMS client setup key back, restart its licensing service, then delete the record"
            );
        }
        if let Err(why) = &self.addresses {
            return format!("clients that take this record wait in vain, because {why}: delete it or mend the name");
        }
        let port = self.record.port;
        match (self.answers, self.duplicate) {
            (Answers::Refused, _) => {
                format!(
                    "{target} is on, but nothing listens on port {port}: it is no KMS host any more, or its service is stopped"
                )
            }
            (Answers::Silent | Answers::Unreachable, _) => {
                format!("{target} does not answer on port {port}: it is off, or a firewall is between here and there")
            }
            (_, Some(Duplicate::SameTarget)) => {
                format!("{target} is named more than once: clients take it more often than its weight says")
            }
            (_, Some(Duplicate::SameAddress)) => format!("{target} leads to the same host as another record"),
            _ => String::new(),
        }
    }

    fn cells(&self) -> Vec<String> {
        let addresses = match &self.addresses {
            Ok(addresses) => addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
            Err(_) => String::new(),
        };
        vec![
            self.suffix.clone(),
            "record".to_owned(),
            self.record.target.clone(),
            self.record.port.to_string(),
            self.record.priority.to_string(),
            self.record.weight.to_string(),
            self.record.ttl_secs.to_string(),
            addresses,
            self.answers.label().to_owned(),
            self.approval.label().to_owned(),
            self.duplicate.map_or("", Duplicate::label).to_owned(),
            self.problem(),
        ]
    }
}

impl KmsDnsAudit {
    /// One row for each record, and one for each suffix without any, under [`KMS_DNS_COLUMNS`]. Cells come from DNS as they
    /// are: whoever writes a file for spreadsheets makes them safe.
    pub fn rows(&self) -> Vec<Vec<String>> {
        let mut rows = Vec::new();
        for (suffix, outcome) in &self.suffixes {
            if let SuffixOutcome::Records(_) = outcome {
                rows.extend(
                    self.records
                        .iter()
                        .filter(|r| r.suffix == *suffix)
                        .map(KmsRecord::cells),
                );
            } else {
                let mut row = vec![String::new(); KMS_DNS_COLUMNS.len()];
                let cells = [suffix.clone(), outcome.word().to_owned()];
                row.splice(..cells.len(), cells);
                if let Some(problem) = row.last_mut() {
                    *problem = outcome.text();
                }
                rows.push(row);
            }
        }
        rows
    }

    /// Records with a problem, and suffixes that could not be looked at.
    pub fn problem_count(&self) -> usize {
        let suffixes = self.suffixes.iter().filter(|(_, outcome)| outcome.is_failure()).count();
        suffixes + self.records.iter().filter(|r| !r.problem().is_empty()).count()
    }
}
