//! `lab serve` as somebody uses it: it says how to reach it, can be reached, and ends when told to. A file of its own,
//! because it is ended by a signal to this very process.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(unix)]

use std::io::{self, Write};
use std::process::Command;
use std::time::Duration;

use makeeper::discovery::parse_list_file;
use makeeper::lab::{EstateKind, ServeOptions, serve};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

struct Lines(mpsc::UnboundedSender<Vec<u8>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

async fn served(options: ServeOptions) -> (String, tokio::task::JoinHandle<()>) {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let running = tokio::spawn(async move { serve(&options, &mut Lines(sender)).await.unwrap() });
    let text = lines.recv().await.unwrap();
    (String::from_utf8(text).unwrap(), running)
}

async fn end(running: tokio::task::JoinHandle<()>) {
    let pid = std::process::id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    tokio::time::timeout(Duration::from_secs(20), running)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_how_to_reach_it_and_ends_on_sigterm() {
    let options = ServeOptions {
        estates: EstateKind::ALL.to_vec(),
        port: 0,
        service_port: 0,
        json: true,
        ..ServeOptions::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let list_file = folder.path().join("lab.csv");
    let options = ServeOptions {
        list_file: Some(list_file.clone()),
        ..options
    };
    let (text, running) = served(options.clone()).await;
    // The list file is complete by the time the lab says that it is up.
    let found = parse_list_file(&std::fs::read_to_string(&list_file).unwrap());
    assert_eq!((found.names.len(), found.problems.len()), (220, 0));
    let told_by_file = &found.names[219];
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["computers"].as_array().unwrap().len(), 220);
    let last = &told["computers"][219];
    let address = format!("{}:{}", last["address"].as_str().unwrap(), last["port"]);
    assert_eq!(told_by_file.name, last["fqdn"].as_str().unwrap());
    assert_eq!(told_by_file.address.as_deref(), last["address"].as_str());
    assert_eq!(told_by_file.port.map(u64::from), last["port"].as_u64());
    TcpStream::connect(&address).await.unwrap();
    end(running).await;
    assert!(TcpStream::connect(&address).await.is_err());

    let (text, running) = served(ServeOptions { json: false, ..options }).await;
    for part in [
        "contoso",
        "isolated-lab",
        "127.77.2.40",
        r"LAB\admin",
        "BatchActivation.asmx",
        "FKFKF-TRYMY-",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    end(running).await;
}
