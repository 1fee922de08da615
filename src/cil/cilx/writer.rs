//! The whole document: prologue, containers, records; streamed in blocks.

use std::collections::HashSet;
use std::io::{self, Write};
use std::sync::mpsc;

use uuid::Uuid;

use crate::cil::export::ExportProfile;
use crate::model::{Computer, ForeignParts, Inventory, KeyEntry, Product, ProductId};

use super::out::{BLOCK, Emit, Out};
use super::{
    DATA, GENERATION, NAMESPACE, PREFIX, ROOT, SEALED_FOR, SEALED_WITH, VAMT_NAMESPACES, VAMT_VERSION, saved,
    write_records,
};

/// Which part of a list is written.
#[derive(Clone, Copy)]
pub(in crate::cil) struct Selection<'s> {
    pub profile: ExportProfile,
    /// These products only, with their computers and keys.
    pub only: Option<&'s HashSet<ProductId>>,
    pub generation: Option<Uuid>,
    /// Write the list as its seal demands; otherwise keys are written in clear, those that are unlocked.
    pub sealed: bool,
}

/// Lists below this size are not worth a thread.
const SMALL: usize = 500;
/// Blocks that may wait for the disk.
const WAITING: usize = 8;

/// Writes a list.
pub(in crate::cil) fn write_document(
    inventory: &Inventory,
    selection: Selection<'_>,
    sink: &mut dyn Write,
) -> io::Result<()> {
    if inventory.product_count() + inventory.computer_count() < SMALL {
        let mut emit = |block: &mut Vec<u8>| {
            sink.write_all(block)?;
            block.clear();
            Ok(())
        };
        return compose(inventory, selection, &mut emit);
    }
    // One thread composes, this one writes.
    let (full, blocks) = mpsc::sync_channel::<Vec<u8>>(WAITING);
    let (empty, used) = mpsc::channel::<Vec<u8>>();
    std::thread::scope(|scope| {
        let composing = scope.spawn(move || {
            let mut emit = |block: &mut Vec<u8>| {
                let fresh = used
                    .try_recv()
                    .unwrap_or_else(|_| Vec::with_capacity(BLOCK + (BLOCK >> 2)));
                full.send(std::mem::replace(block, fresh))
                    .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
            };
            compose(inventory, selection, &mut emit)
        });
        let mut written = Ok(());
        for mut block in blocks {
            written = sink.write_all(&block);
            if written.is_err() {
                break;
            }
            block.clear();
            // The composer may be done already.
            let _ = empty.send(block);
        }
        let composed = composing
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("composing the list failed")));
        written.and(composed)
    })
}

struct Document<'d> {
    inventory: &'d Inventory,
    selection: Selection<'d>,
    /// The containers' own unknown parts; none where they may not leave.
    data: Option<&'d ForeignParts>,
}

fn compose(inventory: &Inventory, selection: Selection<'_>, emit: &mut Emit<'_>) -> io::Result<()> {
    let header = inventory.header();
    let proxy = selection.profile == ExportProfile::ProxyOnly;
    let root = header.root.parts().filter(|_| !proxy);
    let data = header.data.parts().filter(|_| !proxy);
    let prefix = free_prefix([root, data]);
    let seal = header.seal.as_ref().filter(|_| selection.sealed);
    let mut out = Out::new(
        emit,
        selection.profile != ExportProfile::Full || seal.is_some(),
        &prefix,
    );
    out.seal = seal;
    let document = Document {
        inventory,
        selection,
        data,
    };

    out.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<");
    out.raw(ROOT);
    for (name, value) in VAMT_NAMESPACES {
        if !declares(root, name) {
            out.attribute(name, value);
        }
    }
    if !proxy {
        out.attribute(&format!("xmlns:{prefix}"), NAMESPACE);
    }
    let version = &header.vamt_version;
    out.attribute(
        "VamtVersion",
        if proxy || version.is_empty() {
            VAMT_VERSION
        } else {
            version
        },
    );
    if let Some(generation) = selection.generation.filter(|_| !proxy) {
        out.attribute(&format!("{prefix}:{GENERATION}"), &generation.to_string());
    }
    if let Some(seal) = seal {
        out.attribute(&format!("{prefix}:{SEALED_FOR}"), &seal.recipient);
        out.attribute(&format!("{prefix}:{SEALED_WITH}"), &seal.identity);
    }
    out.foreign_attributes(root);
    out.raw(">\n");
    document.data(&mut out)?;
    if !proxy && selection.only.is_none() {
        saved::write(&mut out, header);
    }
    for (name, raw) in root.iter().flat_map(|f| &f.elements) {
        out.foreign_element("  ", name, raw);
        out.checkpoint()?;
    }
    out.raw("</");
    out.raw(ROOT);
    out.raw(">\n");
    out.flush()
}

fn declares(foreign: Option<&ForeignParts>, name: &str) -> bool {
    foreign.is_some_and(|f| f.attributes.iter().any(|(n, _)| n == name))
}

/// Our prefix, unless the file uses it for something else.
fn free_prefix(foreign: [Option<&ForeignParts>; 2]) -> String {
    let mut prefix = PREFIX.to_owned();
    let mut number = 1;
    while foreign.iter().any(|f| declares(*f, &format!("xmlns:{prefix}"))) {
        number += 1;
        prefix = format!("{PREFIX}{number}");
    }
    prefix
}

impl Document<'_> {
    fn products(&self) -> impl Iterator<Item = &Product> {
        let only = self.selection.only;
        self.inventory
            .products()
            .map(AsRef::as_ref)
            .filter(move |p| only.is_none_or(|only| only.contains(&p.id)))
    }

    fn computers(&self) -> impl Iterator<Item = &Computer> {
        let wanted: Option<HashSet<_>> = self
            .selection
            .only
            .map(|_| self.products().filter_map(|p| p.computer).collect());
        self.inventory
            .computers()
            .map(AsRef::as_ref)
            .filter(move |c| wanted.as_ref().is_none_or(|wanted| wanted.contains(&c.id)))
    }

    fn keys(&self) -> impl Iterator<Item = &KeyEntry> {
        let restricted = self.selection.only.is_some();
        self.inventory
            .keys()
            .map(AsRef::as_ref)
            .filter(move |k| !restricted || self.products().any(|p| k.is_installed_on(p)))
    }

    fn data(&self, out: &mut Out<'_>) -> io::Result<()> {
        let proxy = self.selection.profile == ExportProfile::ProxyOnly;
        let whole = self.selection.only.is_none();
        let products = if whole {
            self.inventory.product_count()
        } else {
            self.products().count()
        };
        let (mut clients, mut keys) = (0, 0);
        if !proxy {
            clients = if whole {
                self.inventory.computer_count()
            } else {
                self.computers().count()
            };
            keys = if whole {
                self.inventory.key_count()
            } else {
                self.keys().count()
            };
        }
        out.raw("  <");
        out.raw(DATA);
        out.attribute("TotalProducts", &products.to_string());
        if !declares(self.data, "TotalAvailableProducts") || !whole {
            out.attribute("TotalAvailableProducts", "0");
        }
        out.attribute("TotalVolumeClients", &clients.to_string());
        out.attribute("TotalProductKeys", &keys.to_string());
        if whole {
            out.foreign_attributes(self.data);
        }
        out.raw(">\n");

        self.open(out, "Products", products);
        for product in self.products() {
            if proxy {
                write_records::proxy_product(out, product)?;
            } else {
                let computer = product.computer.and_then(|id| self.inventory.computer(id));
                write_records::product(out, product, computer.map(AsRef::as_ref))?;
            }
        }
        self.close(out, "Products", products);
        self.foreign(out, |name| name == "AvailableProducts")?;
        if !proxy {
            self.open(out, "ProductKeys", keys);
            for key in self.keys() {
                write_records::key(out, key)?;
            }
            self.close(out, "ProductKeys", keys);
            self.open(out, "VolumeActivationClients", clients);
            for computer in self.computers() {
                write_records::computer(out, computer)?;
            }
            self.close(out, "VolumeActivationClients", clients);
        }
        self.foreign(out, |name| {
            !matches!(
                name,
                "AvailableProducts" | "Products" | "ProductKeys" | "VolumeActivationClients"
            )
        })?;
        out.raw("  </");
        out.raw(DATA);
        out.raw(">\n");
        out.checkpoint()
    }

    /// What a restricted list must not carry along is left out: forest activations and available products name others.
    fn foreign(&self, out: &mut Out<'_>, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
        if self.selection.only.is_some() {
            return Ok(());
        }
        for (name, raw) in self.data.iter().flat_map(|f| &f.elements) {
            if wanted(name) {
                out.foreign_element("    ", name, raw);
                out.checkpoint()?;
            }
        }
        Ok(())
    }

    /// The kept container `name` up to its end tag.
    fn shell(&self, out: &Out<'_>, name: &str) -> Option<&str> {
        if self.selection.only.is_some() {
            return None;
        }
        let (_, raw) = self
            .data?
            .elements
            .iter()
            .find(|(n, raw)| n == name && out.may_leave(n, raw))?;
        raw.strip_suffix(&format!("</{name}>"))
    }

    fn open(&self, out: &mut Out<'_>, name: &str, records: usize) {
        out.raw("    ");
        if let Some(head) = self.shell(out, name) {
            out.raw(head);
            out.raw("\n");
            return;
        }
        out.raw("<");
        out.raw(name);
        out.raw(if records == 0 { "/>\n" } else { ">\n" });
    }

    fn close(&self, out: &mut Out<'_>, name: &str, records: usize) {
        if records == 0 && self.shell(out, name).is_none() {
            return;
        }
        out.raw("    </");
        out.raw(name);
        out.raw(">\n");
    }
}
