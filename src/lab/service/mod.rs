//! The virtual activation service: MAK pools, blocked keys, confirmation IDs, and a record of every question.

mod http;
mod wire;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub(super) use http::serve;

use super::config::ServiceFault;
use super::digits;
use super::estate::{Generation, OfficeGeneration};
use super::keys::{self, LabKey};
use super::wmi::code;
use crate::model::{ExtendedPid, InstallationId, KeyType, ProductKey};

/// The path of the service.
pub const SERVICE_PATH: &str = "/BatchActivation/BatchActivation.asmx";

/// Codes of the service (reference: activation-service.md 1.6).
mod batch {
    pub const BLOCKED: u32 = 0x67;
    pub const INVALID_KEY: u32 = 0x68;
    pub const OTHER_PRODUCT: u32 = 0x71;
    pub const LIMIT_EXCEEDED: u32 = 0x7F;
    pub const INVALID_KEY_TYPE: u32 = 0x86;
    pub const CHECK_INSTALLATION_ID: u32 = 0x90;
}

/// What the service knows of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pool {
    /// Activations in all.
    pub limit: u32,
    /// Activations spent since the lab started.
    pub used: u32,
    /// Activations left.
    pub remaining: u32,
    /// The key is refused.
    pub blocked: bool,
}

/// How a question was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A confirmation ID, 48 digits.
    ConfirmationId(String),
    /// A remaining count; -1 where there is none.
    Remaining(i64),
    /// A code such as 0x67.
    Refused(u32),
}

/// One question the service was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The extended PID as sent.
    pub pid: String,
    /// The installation ID as sent; `None` for a question about the count.
    pub iid: Option<String>,
    /// The answer.
    pub answer: Answer,
    /// The pool fell by one.
    pub charged: bool,
}

/// The service. Shared by the HTTP endpoint and by virtual computers that activate online.
pub struct ActivationService {
    state: Mutex<State>,
    fault: watch::Sender<ServiceFault>,
}

#[derive(Default)]
struct State {
    accounts: BTreeMap<(u32, u32), KeyAccount>,
    asked: Vec<Asked>,
    batches: u64,
}

struct KeyAccount {
    key: &'static LabKey,
    used: u32,
    hardware: HashSet<u64>,
    issued: HashMap<String, String>,
}

impl Default for ActivationService {
    fn default() -> Self {
        let accounts = keys::ALL
            .iter()
            .map(|key| {
                let account = KeyAccount {
                    key,
                    used: 0,
                    hardware: HashSet::new(),
                    issued: HashMap::new(),
                };
                ((key.group, key.serial), account)
            })
            .collect();
        Self {
            state: Mutex::new(State {
                accounts,
                ..State::default()
            }),
            fault: watch::Sender::new(ServiceFault::None),
        }
    }
}

impl ActivationService {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves whole values behind: nothing here is changed in two steps.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pool of the lab key with these last five characters.
    pub fn pool(&self, last_five: &str) -> Option<Pool> {
        self.state()
            .accounts
            .values()
            .find(|a| a.key.last_five() == last_five)
            .map(KeyAccount::pool)
    }

    /// Every question so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// How many batch requests (HTTP calls) were processed.
    pub fn batches(&self) -> u64 {
        self.state().batches
    }

    /// Turns the fault dial.
    pub fn set_fault(&self, fault: ServiceFault) {
        self.fault.send_replace(fault);
    }

    fn fault(&self) -> ServiceFault {
        *self.fault.borrow()
    }

    /// A computer that was activated before the lab began: its key counts it, the pool does not fall.
    pub(super) fn remember(&self, key: &LabKey, hardware: u64) {
        if let Some(account) = self.state().accounts.get_mut(&(key.group, key.serial)) {
            account.hardware.insert(hardware);
        }
    }

    /// A virtual computer activates online. The error is the result code that Windows would report.
    pub(super) fn activate(&self, pid: &ExtendedPid, hardware: u64) -> Result<(), u32> {
        match self.fault() {
            ServiceFault::None | ServiceFault::Delay(_) => {}
            ServiceFault::Html | ServiceFault::Http500 | ServiceFault::CloseBeforeAnswer => {
                return Err(code::SERVICE_UNREACHABLE);
            }
            ServiceFault::Hang => return Err(code::SERVICE_TIMED_OUT),
        }
        let mut state = self.state();
        let Some(account) = state.accounts.get_mut(&(pid.key_group(), pid.serial())) else {
            // Keys that are not the lab's are other people's own, bought with their computers.
            return Ok(());
        };
        account.charge(hardware).map(drop).map_err(|code| match code {
            batch::BLOCKED => code::KEY_BLOCKED,
            _ if account.key.kind == KeyType::Mak => code::MAK_USED_UP,
            _ => code::KEY_USED_UP,
        })
    }

    /// RequestType 1.
    fn confirm(&self, pid_text: &str, iid_text: &str) -> Answer {
        let mut state = self.state();
        let outcome = state.confirm(pid_text, iid_text);
        let (answer, charged) = match outcome {
            Ok((cid, charged)) => (Answer::ConfirmationId(cid), charged),
            Err(code) => (Answer::Refused(code), false),
        };
        state.asked.push(Asked {
            pid: pid_text.to_owned(),
            iid: Some(iid_text.to_owned()),
            answer: answer.clone(),
            charged,
        });
        answer
    }

    /// RequestType 2.
    fn remaining(&self, pid_text: &str) -> Answer {
        let mut state = self.state();
        let answer = state.remaining(pid_text);
        state.asked.push(Asked {
            pid: pid_text.to_owned(),
            iid: None,
            answer: answer.clone(),
            charged: false,
        });
        answer
    }
}

impl KeyAccount {
    fn pool(&self) -> Pool {
        Pool {
            limit: self.key.limit,
            used: self.used,
            remaining: self.key.limit.saturating_sub(self.used),
            blocked: self.key.blocked,
        }
    }

    /// True if the pool fell; the same hardware again is free.
    fn charge(&mut self, hardware: u64) -> Result<bool, u32> {
        if self.key.blocked {
            return Err(batch::BLOCKED);
        }
        if self.hardware.contains(&hardware) {
            return Ok(false);
        }
        if self.used >= self.key.limit {
            return Err(batch::LIMIT_EXCEEDED);
        }
        self.used += 1;
        self.hardware.insert(hardware);
        Ok(true)
    }
}

impl State {
    fn confirm(&mut self, pid: &str, iid: &str) -> Result<(String, bool), u32> {
        let pid = ExtendedPid::parse(pid).map_err(|_| batch::INVALID_KEY)?;
        let account = match self.accounts.get_mut(&(pid.key_group(), pid.serial())) {
            Some(account) if account.key.kind == KeyType::Mak => account,
            Some(_) => return Err(batch::INVALID_KEY_TYPE),
            None if is_known_kind(&pid) => return Err(batch::INVALID_KEY_TYPE),
            None => return Err(batch::INVALID_KEY),
        };
        if !iid.bytes().all(|b| b.is_ascii_digit()) {
            return Err(batch::CHECK_INSTALLATION_ID);
        }
        let iid = InstallationId::parse(iid).map_err(|_| batch::CHECK_INSTALLATION_ID)?;
        if !digits::belongs(&iid, &pid) {
            return Err(batch::OTHER_PRODUCT);
        }
        if account.key.blocked {
            return Err(batch::BLOCKED);
        }
        if let Some(cid) = account.issued.get(&*iid.digits()) {
            return Ok((cid.clone(), false));
        }
        let charged = account.charge(digits::hardware_of(&iid))?;
        let cid = digits::confirmation_digits(&iid);
        account.issued.insert(iid.digits().to_string(), cid.clone());
        Ok((cid, charged))
    }

    fn remaining(&self, pid: &str) -> Answer {
        let Ok(pid) = ExtendedPid::parse(pid) else {
            return Answer::Refused(batch::INVALID_KEY);
        };
        match self.accounts.get(&(pid.key_group(), pid.serial())) {
            Some(account) if account.key.kind != KeyType::Mak => Answer::Remaining(-1),
            Some(account) if account.key.blocked => Answer::Refused(batch::BLOCKED),
            Some(account) => Answer::Remaining(i64::from(account.pool().remaining)),
            None if is_client_setup_key(&pid) => Answer::Refused(batch::INVALID_KEY_TYPE),
            None if is_known_kind(&pid) => Answer::Remaining(-1),
            None => Answer::Refused(batch::INVALID_KEY),
        }
    }
}

/// A PID that a virtual computer shows for a client setup key.
fn is_client_setup_key(pid: &ExtendedPid) -> bool {
    pid.key_group() == 80_000
        || Generation::ALL
            .iter()
            .flat_map(|g| g.editions())
            .chain(OfficeGeneration::ALL.iter().flat_map(|g| g.products()))
            .filter_map(|e| ProductKey::parse(e.gvlk).ok()?.group_and_serial())
            .any(|(group, _)| group == pid.key_group())
}

/// A PID that a virtual computer shows for some key that is not the lab's own.
fn is_known_kind(pid: &ExtendedPid) -> bool {
    (70_000..70_100).contains(&pid.key_group()) || is_client_setup_key(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pid(key: &LabKey) -> ExtendedPid {
        ExtendedPid::parse(&digits::extended_pid(key.group, key.serial, 26100)).unwrap()
    }

    fn iid(key: &LabKey, hardware: u64, nonce: u32) -> String {
        digits::installation_id(&pid(key), hardware, nonce, false)
            .unwrap()
            .digits()
            .to_string()
    }

    #[test]
    fn a_new_computer_is_charged_once_and_gets_the_same_answer_again() {
        let service = ActivationService::default();
        let key = &keys::WINDOWS_CLIENT_MAK;
        let first = service.confirm(&pid(key).text(), &iid(key, 1, 0));
        assert!(matches!(&first, Answer::ConfirmationId(cid) if cid.len() == 48));
        assert_eq!(service.confirm(&pid(key).text(), &iid(key, 1, 0)), first);
        // Rearmed: another installation ID, the same hardware.
        assert_ne!(service.confirm(&pid(key).text(), &iid(key, 1, 1)), first);
        assert_eq!(service.pool(key.last_five()).unwrap().used, 1);
        service.confirm(&pid(key).text(), &iid(key, 2, 0));
        assert_eq!(service.pool(key.last_five()).unwrap().used, 2);
        let charged: Vec<bool> = service.asked().iter().map(|a| a.charged).collect();
        assert_eq!(charged, [true, false, false, true]);
    }

    #[test]
    fn every_reason_to_refuse_has_its_code() {
        let service = ActivationService::default();
        let key = &keys::EXHAUSTED_MAK;
        for hardware in 0..3 {
            assert!(matches!(
                service.confirm(&pid(key).text(), &iid(key, hardware, 0)),
                Answer::ConfirmationId(_)
            ));
        }
        let refused = |pid: &str, iid: &str| service.confirm(pid, iid);
        assert_eq!(refused(&pid(key).text(), &iid(key, 9, 0)), Answer::Refused(0x7F));
        let blocked = &keys::BLOCKED_MAK;
        assert_eq!(
            refused(&pid(blocked).text(), &iid(blocked, 1, 0)),
            Answer::Refused(0x67)
        );
        assert_eq!(
            refused("12345-11111-001-000000-03-1033-9200.0000-1962009", &iid(key, 1, 0)),
            Answer::Refused(0x68)
        );
        // Client setup key of Windows 10 Enterprise: group 3290, serial 3.
        let gvlk = digits::extended_pid(3290, 3, 19045);
        assert_eq!(refused(&gvlk, &iid(key, 1, 0)), Answer::Refused(0x86));
        assert_eq!(refused(&pid(key).text(), "123"), Answer::Refused(0x90));
        let other = &keys::WINDOWS_SERVER_MAK;
        assert_eq!(refused(&pid(other).text(), &iid(key, 1, 0)), Answer::Refused(0x71));
        assert_eq!(service.remaining(&pid(key).text()), Answer::Remaining(0));
        assert_eq!(
            service.remaining(&pid(&keys::WINDOWS_CSVLK).text()),
            Answer::Remaining(-1)
        );
        assert_eq!(service.remaining(&gvlk), Answer::Refused(0x86));
    }
}
