//! Installing and removing product keys.

use super::{Installed, KmsClient, Machine, OOB_GRACE_MINUTES};
use crate::lab::digits::extended_pid;
use crate::lab::keys::LabKey;
use crate::lab::wmi::code;
use crate::model::{LicenseStatus, ProductKey};

impl Machine {
    /// `InstallProductKey`. `own_service` says which of the two services was asked.
    pub(super) fn install_key(&mut self, text: &str, own_service: bool) -> Result<(), u32> {
        self.counters.install_key += 1;
        let key = ProductKey::parse(text).map_err(|_| code::INVALID_KEY)?;
        let (sku, group, serial) = self.license_for(&key, own_service)?;
        let Some(license) = self.skus.get(sku) else {
            return Err(code::SKU_NOT_INSTALLED);
        };
        let new = Installed {
            sku,
            last_five: key.last_five().to_string(),
            pid: extended_pid(group, serial, license.build),
            group,
            serial,
            status: LicenseStatus::InOobGrace,
            reason: code::OOB_GRACE,
            grace_minutes: OOB_GRACE_MINUTES,
            vl_type: 0,
            vl_enabled: 0,
            kms: KmsClient::default(),
            discovered: None,
            rearms_left: 5,
        };
        // The same key again changes nothing: the license stays as it is.
        if self.installed.iter().any(|i| i.sku == sku && i.pid == new.pid) {
            return Ok(());
        }
        let skus = &self.skus;
        let displaced = |i: &Installed| skus.get(i.sku).is_some_and(|old| license.excludes(old));
        self.installed.retain(|i| !displaced(i));
        self.installed.push(new);
        Ok(())
    }

    /// Which license a key belongs to, with its key group and serial.
    fn license_for(&self, key: &ProductKey, own_service: bool) -> Result<(usize, u32, u32), u32> {
        let candidates = || {
            self.skus
                .iter()
                .enumerate()
                .filter(move |(_, s)| s.own_service == own_service)
        };
        if let Some(lab) = LabKey::by_text(key.reveal()) {
            return candidates()
                .find(|(_, s)| s.channel == lab.kind && s.takes(lab.fit))
                .map(|(n, _)| (n, lab.group, lab.serial))
                .ok_or(code::WRONG_SKU);
        }
        // A client setup key: for a product that is here, else for one whose license at least lies here.
        let matching = || candidates().filter(|(_, s)| s.gvlk == key.reveal());
        match matching().find(|(_, s)| s.usable) {
            Some((n, _)) => {
                let (group, serial) = key.group_and_serial().unwrap_or((80_000, 1));
                Ok((n, group, serial))
            }
            None if matching().next().is_some() => Err(code::WRONG_SKU),
            None => Err(code::INVALID_KEY),
        }
    }

    /// `UninstallProductKey`.
    pub(super) fn uninstall_key(&mut self, id: &str) -> Result<(), u32> {
        let position = self.position(id)?;
        self.installed.remove(position);
        Ok(())
    }
}
