//! Sockets of a virtual computer: listening, refusing, or keeping silent, as the dial says.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::http;
use crate::lab::config::Fault;
use crate::lab::world::{Computer, World};

const BACKLOG: u32 = 128;

/// Listens on an address. Only loopback addresses: a lab is nobody else's business.
pub(in crate::lab) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    listen(address, BACKLOG)
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{address} is not a loopback address"),
        ));
    }
    let socket = TcpSocket::new_v4()?;
    // Turning the dial back must not wait for old connections to be forgotten.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

/// Serves a computer until `stop`, following its dial. `listener` is the one that was bound at the start.
pub(in crate::lab) async fn serve(
    world: Arc<World>,
    computer: Arc<Computer>,
    listener: TcpListener,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let mut dial = computer.fault.subscribe();
    let mut listener = Some(listener);
    loop {
        let fault = *dial.borrow_and_update();
        // Connections of before the dial was turned end with it.
        let connections = stop.child_token();
        let turned = match fault {
            Fault::Refuse => {
                listener = None;
                computer.in_effect.send_replace(fault);
                changed(&mut dial, &stop).await
            }
            Fault::Silent => {
                listener = None;
                keep_silent(&computer, &mut dial, &stop).await
            }
            _ => {
                let listening = match listener.take() {
                    Some(listening) => Ok(listening),
                    None => bind(computer.address),
                };
                match listening {
                    Ok(listening) => {
                        computer.in_effect.send_replace(fault);
                        let turned = accept(&world, &computer, &listening, &mut dial, &connections, &tasks).await;
                        listener = Some(listening);
                        turned
                    }
                    Err(error) => {
                        tracing::warn!(computer = %computer.spec.name, %error, "Cannot listen again");
                        computer.in_effect.send_replace(fault);
                        changed(&mut dial, &stop).await
                    }
                }
            }
        };
        connections.cancel();
        if !turned {
            return;
        }
    }
}

/// True when the dial was turned, false when the lab stops.
async fn changed(dial: &mut watch::Receiver<Fault>, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        changed = dial.changed() => changed.is_ok(),
    }
}

async fn accept(
    world: &Arc<World>,
    computer: &Arc<Computer>,
    listener: &TcpListener,
    dial: &mut watch::Receiver<Fault>,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> bool {
    loop {
        tokio::select! {
            () = stop.cancelled() => return false,
            changed = dial.changed() => return changed.is_ok(),
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (world, computer, stop) = (Arc::clone(world), Arc::clone(computer), stop.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = http::connection(world, computer, stream) => {}
                    }
                });
            }
        }
    }
}

/// Listens with the shortest queue and fills it: the kernel then drops what else knocks, as a firewall does.
async fn keep_silent(computer: &Computer, dial: &mut watch::Receiver<Fault>, stop: &CancellationToken) -> bool {
    let address = computer.address;
    let Ok(listener) = listen(address, 0) else {
        computer.in_effect.send_replace(Fault::Silent);
        return changed(dial, stop).await;
    };
    let mut filling: Vec<TcpStream> = Vec::new();
    loop {
        tokio::select! {
            turned = changed(dial, stop) => {
                drop(listener);
                return turned;
            }
            // The connection that does not complete any more shows that the queue is full; it waits with us.
            connected = TcpStream::connect(address) => {
                computer.in_effect.send_replace(Fault::Silent);
                let Ok(stream) = connected else {
                    // Some systems refuse when the queue is full.
                    return changed(dial, stop).await;
                };
                filling.push(stream);
            },
        }
    }
}
