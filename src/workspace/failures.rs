//! What a failure means on the computer it happened on, and which rows of a run are worth another try.

use super::{Job, Run, Subject, Workspace};
use crate::licensing::advice::{self, Explanation, Generation, explain_failure};
use crate::model::{Failure, FailureClass};

impl Workspace {
    /// What a failure means, and what to do about it on the Windows of that computer.
    pub fn explain(&self, subject: Subject, failure: &Failure) -> Explanation {
        let inventory = &self.snapshot().inventory;
        let computer = match subject {
            Subject::Computer(id) => inventory.computer(id),
            Subject::Product(id) => inventory.product(id).and_then(|p| inventory.computer(p.computer?)),
            Subject::Key(_) => None,
        };
        let on = computer.map(|c| Generation::of(&c.os_version, &c.os_edition));
        explain_failure(failure, on.unwrap_or_default())
    }

    /// The order of a run that is over, for the rows that were cancelled or failed and could now succeed: not those whose
    /// credentials were refused, unless there are others now, nor those that the licensing service will always refuse.
    /// `None` when there are none.
    pub fn retry_failed(&self, run: &Run) -> Option<Job> {
        run.retry(run.credentials_number() != self.credentials_number())
    }
}

/// Whether the same order may end otherwise now.
pub(super) fn could_now_succeed(failure: &Failure, other_credentials: bool) -> bool {
    match failure.class {
        FailureClass::Credentials => other_credentials,
        FailureClass::Licensing | FailureClass::Service => !failure.code.is_some_and(advice::is_final),
        class => class.may_pass(),
    }
}
