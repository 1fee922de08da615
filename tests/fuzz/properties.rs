//! What holds for any bytes: shared by the fuzz targets and by the test that replays their corpus.

use makeeper::activation;
use makeeper::cil::{self, ExportProfile, LegacyFormat};
use makeeper::discovery;
use makeeper::discovery::directory::codec as ldap;
use makeeper::model::{Change, Computer, Filter, Inventory, RowView};
use makeeper::workspace;
use makeeper::wsman::codec::{self, Challenge, Element, Reply};

/// A property: panics where it does not hold.
pub type Property = fn(&[u8]);

/// The properties by the names of their targets and corpora.
pub const ALL: &[(&str, Property)] = &[
    ("cilx", cilx),
    ("vamt2", vamt2),
    ("vamt1", vamt1),
    ("journal", journal),
    ("computers_csv", computers_csv),
    ("keys_csv", keys_csv),
    ("wsman", wsman),
    ("http_response", http_response),
    ("sealed", sealed),
    ("envelope", envelope),
    ("fault", fault),
    ("fragment", fragment),
    ("datetime", datetime),
    ("ccache", ccache),
    ("activation", activation),
    ("filter", filter),
    ("node_status", node_status),
    ("ws_discovery", ws_discovery),
    ("ldap_answer", ldap_answer),
    ("ldap_filter", ldap_filter),
    ("ldap_names", ldap_names),
    ("wrap_token", wrap_token),
];

fn saved(inventory: &Inventory) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Err(error) = cil::write(inventory, None, &mut bytes) {
        panic!("writing to memory fails: {error}");
    }
    bytes
}

/// Any list that is read can be saved, what is saved can be read, and saving that again changes nothing.
fn list(bytes: &[u8]) {
    let loaded = match cil::read(bytes) {
        Ok(loaded) => loaded,
        Err(error) => {
            assert!(error.to_string().chars().count() < 500, "{error}");
            return;
        }
    };
    for warning in &loaded.warnings {
        assert!(warning.to_string().chars().count() < 1000, "{warning}");
    }
    let out = saved(&loaded.inventory);
    let again = match cil::read(&out) {
        Ok(again) => again,
        Err(error) => panic!("{error}:\n{}", String::from_utf8_lossy(&out)),
    };
    let count = |i: &Inventory| (i.computer_count(), i.product_count(), i.key_count());
    assert_eq!(
        count(&again.inventory),
        count(&loaded.inventory),
        "{}",
        String::from_utf8_lossy(&out)
    );
    let twice = saved(&again.inventory);
    assert!(
        twice == out,
        "{}\n---\n{}",
        String::from_utf8_lossy(&out),
        String::from_utf8_lossy(&twice)
    );
    for profile in ExportProfile::ALL {
        let mut carried = Vec::new();
        let written = cil::export(&loaded.inventory, *profile, None, &mut carried);
        assert!(
            written.is_ok() && cil::read(&carried).is_ok(),
            "{}",
            String::from_utf8_lossy(&carried)
        );
    }
}

/// A list of VAMT 3, and whatever is none.
pub fn cilx(bytes: &[u8]) {
    if cil::legacy_format(bytes).is_none() {
        list(bytes);
    }
}

/// A list of VAMT 2.0.
pub fn vamt2(bytes: &[u8]) {
    if cil::legacy_format(bytes) == Some(LegacyFormat::Vamt2) {
        list(bytes);
    }
}

/// A list of VAMT 1.x.
pub fn vamt1(bytes: &[u8]) {
    if cil::legacy_format(bytes) == Some(LegacyFormat::Vamt1) {
        list(bytes);
    }
}

/// A journal in any state: what is readable applies or is refused, and the list that comes of it can be saved.
pub fn journal(bytes: &[u8]) {
    replay(bytes);
    // The same lines with the right lengths and checksums, which no fuzzer would find.
    let mut sealed = Vec::with_capacity(bytes.len() * 2);
    for line in bytes.split(|b| *b == b'\n') {
        let json = line.get(18..).filter(|_| line.get(17) == Some(&b' ')).unwrap_or(line);
        sealed.extend_from_slice(format!("{:08x} {:08x} ", json.len(), crc32fast::hash(json)).as_bytes());
        sealed.extend_from_slice(json);
        sealed.push(b'\n');
    }
    replay(&sealed);
}

fn replay(bytes: &[u8]) {
    let (changes, _) = cil::journal_changes(bytes);
    let mut inventory = Inventory::default();
    for change in &changes {
        let before = inventory.computer_count();
        if inventory.apply(change).is_err() {
            assert_eq!(inventory.computer_count(), before);
        }
    }
    let out = saved(&inventory);
    assert!(cil::read(&out).is_ok(), "{}", String::from_utf8_lossy(&out));
}

/// A file with names of computers.
pub fn computers_csv(bytes: &[u8]) {
    let Ok(text) = discovery::decode_text(bytes) else {
        return;
    };
    // The first and the last column are always there to be chosen, and no name chooses more.
    let columns = discovery::list_columns(&text);
    for column in [columns.first(), columns.last()]
        .into_iter()
        .flatten()
        .filter(|c| !c.is_empty())
    {
        assert!(discovery::parse_list_column(&text, column).is_ok(), "{column:?}");
    }
    let parsed = discovery::parse_list_file(&text);
    for name in &parsed.names {
        assert!(!name.name.trim().is_empty());
    }
    for problem in &parsed.problems {
        assert!(problem.line >= 1, "{problem}");
    }
}

/// A file with product keys: each line is answered, and no answer repeats a key.
pub fn keys_csv(bytes: &[u8]) {
    let Ok(text) = discovery::decode_text(bytes) else {
        return;
    };
    let read = workspace::read_keys(&text, None);
    let mut last = 0;
    for (line, outcome) in read {
        assert!(line > last);
        last = line;
        match outcome {
            Ok((entry, _)) => {
                let key = entry.key.as_ref().map(|k| k.reveal().to_owned()).unwrap_or_default();
                assert!(!format!("{entry:?}").contains(&key));
            }
            Err(message) => assert!(message.chars().count() < 300, "{message}"),
        }
    }
}

/// Whatever a computer answers.
pub fn wsman(bytes: &[u8]) {
    let _ = codec::parse_fault(bytes);
    let _ = codec::decode_text(bytes);
    assert!(codec::first_words(bytes, 50).chars().count() <= 51);
    for content_type in ["", codec::SEALED_CONTENT_TYPE] {
        let _ = codec::is_sealed(content_type, bytes);
        let _ = codec::decode_sealed(content_type, bytes);
    }
    let _ = Challenge::parse_all(&String::from_utf8_lossy(bytes));
    if let Ok(Reply::Body(body)) = codec::parse_reply(bytes, "uuid:1") {
        read_body(body);
    }
    if let Ok(element) = codec::parse_document(bytes) {
        read_body(Some(element));
    }
}

/// Whatever comes back on a connection: an answer, or why there is none, and nothing larger than was sent.
pub fn http_response(bytes: &[u8]) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else {
        return;
    };
    let bytes = bytes.to_vec();
    let length = bytes.len();
    let read = runtime.block_on(async move {
        let (ours, mut theirs) = tokio::io::duplex(64 * 1024);
        let serving = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let mut request = [0; 4096];
            // The client speaks first; what it says does not matter here.
            let _ = theirs.read(&mut request).await;
            let _ = theirs.write_all(&bytes).await;
        });
        let answer = makeeper::wsman::answer_over(ours).await;
        let _ = serving.await;
        answer
    });
    match read {
        Ok((status, body)) => assert!((100..1000).contains(&status) && body.len() <= length),
        Err(why) => assert!(why.chars().count() < 1000, "{why}"),
    }
}

/// Sealed messages that are taken out of a body have the sizes they declare, and framing them again changes nothing.
pub fn sealed(bytes: &[u8]) {
    for content_type in ["", codec::SEALED_CONTENT_TYPE, "multipart/encrypted;boundary=x"] {
        let Ok(messages) = codec::decode_sealed(content_type, bytes) else {
            continue;
        };
        for message in messages {
            assert!(message.token.len() + message.data.len() <= bytes.len());
            let framed = codec::encode_sealed(&message);
            match codec::decode_sealed(codec::SEALED_CONTENT_TYPE, &framed) {
                Ok(again) => assert_eq!(again, [message]),
                // What holds the closing mark itself cannot be framed with it.
                Err(_) => assert!(message.data.windows(10).any(|w| w == b"--Encrypte")),
            }
        }
    }
}

/// An envelope is a fault, a body, or an error that can be shown.
pub fn envelope(bytes: &[u8]) {
    match codec::parse_reply(bytes, "uuid:1") {
        Ok(Reply::Body(body)) => read_body(body),
        Ok(Reply::Fault(fault)) => assert!(fault.message.chars().count() <= 601),
        Err(error) => assert!(error.to_string().chars().count() < 1000, "{error}"),
    }
}

/// What a fault is made of, inside an envelope that is in order.
pub fn fault(bytes: &[u8]) {
    let inside = String::from_utf8_lossy(bytes);
    let xml = format!(
        "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope'><s:Body><s:Fault>{inside}</s:Fault></s:Body></s:Envelope>"
    );
    if let Ok(fault) = codec::parse_fault(xml.as_bytes()) {
        assert!(fault.message.chars().count() <= 601 && !fault.message.contains('\n'));
        assert!(fault.code.is_none_or(|code| code != makeeper::model::HResult::OK));
        let _ = (fault.is_timeout(), fault.is_too_large(), fault.is_access_denied());
    }
}

/// The properties of an object, inside an answer that is in order.
pub fn fragment(bytes: &[u8]) {
    let inside = String::from_utf8_lossy(bytes);
    let xml = format!(
        "<s:Envelope xmlns:s='http://www.w3.org/2003/05/soap-envelope' xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance'>\
         <s:Body><EnumerateResponse><Items><XmlFragment>{inside}</XmlFragment></Items></EnumerateResponse></s:Body></s:Envelope>"
    );
    if let Ok(Reply::Body(body)) = codec::parse_reply(xml.as_bytes(), "")
        && let Ok(answer) = codec::parse_enumerate(body)
    {
        for item in answer.items {
            assert!(item.properties.iter().all(|(name, _)| !name.is_empty()));
        }
    }
}

/// Any text as a property: a time that is read can be written and read again.
pub fn datetime(bytes: &[u8]) {
    let of = |text: &str| makeeper::wmi::Instance {
        properties: vec![("T".into(), makeeper::wmi::Value::Text(text.into()))],
    };
    let instance = of(&String::from_utf8_lossy(bytes));
    if let Some(time) = instance.time("T") {
        assert_eq!(of(&time.to_rfc3339()).time("T"), Some(time));
    }
    let _ = (instance.number("T"), instance.boolean("T"), instance.hresult("T"));
}

/// Whatever stands in a file of Kerberos tickets: what is read of it is in it, and a session key is never shown.
pub fn ccache(bytes: &[u8]) {
    match codec::parse_credential_cache(bytes) {
        Ok(cache) => {
            let kept: usize = cache.tickets.iter().map(|t| t.key.len() + t.ticket.len()).sum();
            assert!(kept <= bytes.len());
            assert!(cache.tickets.iter().all(|t| t.ends != 0));
            let shown = format!("{cache:?}");
            assert!(!shown.contains(" key:") && !shown.contains("Zeroizing"), "{shown}");
        }
        Err(error) => assert!(error.to_string().len() < 200),
    }
}

fn read_body(body: Option<Element>) {
    let _ = codec::parse_enumerate(body.clone());
    let _ = codec::parse_identify(body.clone());
    let _ = codec::parse_method_output(body, "Activate");
}

/// Whatever the activation service answers.
pub fn activation(bytes: &[u8]) {
    let _ = activation::is_answer(bytes);
}

/// Whatever is typed into the filter box.
pub fn filter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(filter) = Filter::parse(text) else { return };
    let computer = Computer::named("LAB-PC-1.contoso.com");
    let mut inventory = Inventory::default();
    assert!(
        inventory
            .apply(&Change::PutComputer(Box::new(computer.clone())))
            .is_ok()
    );
    let row = RowView {
        computer: Some(&computer),
        product: None,
    };
    let _ = filter.matches(row, chrono::DateTime::UNIX_EPOCH);
}

/// Whatever a computer answers to a NetBIOS question: as many names as it says, each as long as NetBIOS has them.
pub fn node_status(bytes: &[u8]) {
    match discovery::parse_answer(bytes) {
        Ok(status) => {
            assert!(status.names.len() * 18 <= bytes.len());
            assert!(status.names.iter().all(|name| name.text.chars().count() <= 15));
            assert!(status.mac != Some([0; 6]));
            let of_names = |name: Option<&str>| name.is_none_or(|n| status.names.iter().any(|known| known.text == n));
            assert!(of_names(status.computer()) && of_names(status.group()) && of_names(status.domain()));
        }
        Err(error) => assert!(error.to_string().chars().count() < 200, "{error}"),
    }
}

/// Whatever the local network answers to a WS-Discovery question, and what a device tells of itself.
pub fn ws_discovery(bytes: &[u8]) {
    match discovery::parse_message(bytes) {
        Ok(message) => {
            assert!(!message.relates_to.is_empty() && message.offers.len() <= 16);
            assert!(message.offers.iter().all(|offer| !offer.endpoint.is_empty()));
        }
        Err(error) => assert!(error.to_string().chars().count() < 500, "{error}"),
    }
    match discovery::parse_metadata(bytes) {
        Ok(metadata) => assert!(metadata.computer.len() <= bytes.len()),
        Err(error) => assert!(error.to_string().chars().count() < 500, "{error}"),
    }
    let (name, network) = discovery::parse_computer(&String::from_utf8_lossy(bytes));
    assert_eq!(
        (name.trim(), network.name.trim()),
        (name.as_str(), network.name.as_str())
    );
}

/// Whatever a directory answers: messages of the lengths they announce, and entries that can be read to their ends.
pub fn ldap_answer(bytes: &[u8]) {
    let mut rest = bytes;
    while let Ok(Some(length)) = ldap::message_length(rest) {
        assert!(length <= ldap::MAX_MESSAGE + 10);
        let Some((message, after)) = rest.split_at_checked(length) else {
            break;
        };
        match ldap::decode_answer(message) {
            Ok((id, ldap::Answer::Entry(entry))) => {
                assert!(id >= 0);
                let mut read = entry.dn.len();
                for (name, values) in entry.attributes() {
                    read += name.len() + values.map(<[u8]>::len).sum::<usize>();
                }
                assert!(read <= message.len());
                let _ = (ldap::domain_of(entry.dn), ldap::first_part(entry.dn));
            }
            Ok((_, ldap::Answer::SearchDone(_, cookie))) => assert!(cookie.len() <= message.len()),
            Ok(_) => {}
            Err(error) => assert!(error.to_string().len() < 200),
        }
        rest = after;
    }
    if let Ok(Some(length)) = ldap::buffer_length(bytes) {
        assert!(length <= ldap::MAX_BUFFER);
    }
}

/// Whatever is typed as a filter: it reads back as the same filter, or is wrong at a place inside it.
pub fn ldap_filter(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match ldap::Filter::parse(&text) {
        Ok(filter) => {
            let written = filter.to_string();
            assert_eq!(ldap::Filter::parse(&written).as_ref(), Ok(&filter), "{written}");
            let request = ldap::Request::Search {
                base: "",
                scope: ldap::Scope::Subtree,
                filter: &filter,
                attributes: &[],
                page: None,
            };
            let request = ldap::encode_request(1, &request);
            assert_eq!(ldap::message_length(&request), Ok(Some(request.len())));
        }
        Err(error) => {
            assert!((1..=text.chars().count() + 1).contains(&error.position), "{error}");
            assert!(error.problem.chars().count() < 300, "{error}");
        }
    }
}

/// Distinguished names and the URLs of referrals.
pub fn ldap_names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = (ldap::domain_of(&text), ldap::first_part(&text));
    assert!(ldap::is_below(&text, &text));
    if let Some(url) = ldap::parse_url(&text) {
        assert!(!url.host.is_empty());
    }
}

/// A sealed token stays a token of the same bytes however it is turned.
pub fn wrap_token(bytes: &[u8]) {
    let mut token = bytes.to_vec();
    codec::turn_token(&mut token);
    let sorted = |bytes: &[u8]| {
        let mut body = bytes.get(16..).unwrap_or_default().to_vec();
        body.sort_unstable();
        body
    };
    assert_eq!(token.len(), bytes.len());
    assert_eq!(sorted(&token), sorted(bytes));
    assert!((16..=16 + 44 + 65_535).contains(&codec::token_overhead(&token)));
}
