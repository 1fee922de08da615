//! [`WmiConnection`] over COM and DCOM, as VAMT and slmgr.vbs ask. On Windows only.
//!
//! Every connection has a thread of its own in COM's multi-threaded apartment, so that nothing that COM waits for holds up
//! the runtime; waiting is cut into slices, so that a cancel or a time-out ends it within a second. Calls that cannot be cut -
//! opening the connection - are left to their thread: it ends when Windows gives up, after two minutes at most.

mod account;
mod answer;
mod services;
mod text;
mod variant;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use self::account::ComAccount;
use self::answer::Asked;
use self::services::{Computer, Patience};
use super::wsman_connection::{checked, class_of, without_secrets};
use super::{Instance, Namespace, ObjectPath, Param, WmiConnection, WmiError};
use crate::model::FailureClass;
use crate::wsman::{ConnectOptions, Credentials, Target};

/// Connects to a computer over DCOM and signs in. DCOM finds its ports by itself, so that of `target` only names count.
pub(super) async fn connect(
    target: &Target,
    credentials: &Credentials,
    options: &ConnectOptions,
) -> Result<Box<dyn WmiConnection>, WmiError> {
    let host = target.host.trim().trim_matches(['[', ']']).to_owned();
    let is_local = account::is_local(&host, &std::env::var("COMPUTERNAME").unwrap_or_default());
    let account = (!credentials.is_logged_on_user()).then(|| ComAccount::new(credentials, &host, &target.name));
    let asked = Asked {
        computer: target.name.clone(),
        account: account.as_ref().map(|_| credentials.account()),
        denial: credentials.class_of_denial(&target.name),
    };
    let (ready, opened) = oneshot::channel();
    let (orders, inbox) = mpsc::channel();
    let path = if is_local { ".".to_owned() } else { host };
    let failure = |class, what: String| WmiError::Connection(target.failure(class, what));
    std::thread::Builder::new()
        .name("makeeper-com".to_owned())
        .spawn(move || work(path, account, ready, &inbox))
        .map_err(|e| {
            failure(
                FailureClass::NotAllowed,
                format!("was not asked: the system gives no thread: {e}"),
            )
        })?;
    let patience = options.sign_in_timeout;
    match tokio::time::timeout(patience, opened).await {
        Ok(Ok(Ok(()))) => Ok(Box::new(ComConnection {
            asked,
            orders,
            patience: options.operation_timeout + options.answer_margin,
        })),
        Ok(Ok(Err(error))) => Err(asked.refused(&error)),
        Ok(Err(_)) => Err(failure(FailureClass::Network, "was lost: its thread ended".to_owned())),
        Err(_) => Err(failure(
            FailureClass::Hung,
            format!(
                "did not answer the sign-in over DCOM within {} s",
                patience.as_secs_f32()
            ),
        )),
    }
}

/// What a connection's thread is asked for.
enum Order {
    Query {
        namespace: Namespace,
        wql: String,
    },
    Invoke {
        namespace: Namespace,
        class: String,
        key: Option<(String, String)>,
        method: String,
        parameters: Vec<(String, Zeroizing<String>)>,
    },
}

/// What came of it.
enum Done {
    Rows(Vec<Instance>),
    Output(Instance),
}

type Reply = oneshot::Sender<Result<Done, services::Error>>;

/// A connection to one computer over COM.
struct ComConnection {
    asked: Asked,
    orders: mpsc::Sender<(Order, Duration, Reply)>,
    patience: Duration,
}

/// The life of a connection's thread: it ends when the connection is dropped.
fn work(
    host: String,
    account: Option<ComAccount>,
    ready: oneshot::Sender<Result<(), services::Error>>,
    inbox: &mpsc::Receiver<(Order, Duration, Reply)>,
) {
    let mut computer = match Computer::open(host, account) {
        Ok(computer) => computer,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    if ready.send(Ok(())).is_err() {
        return;
    }
    while let Ok((order, patience, reply)) = inbox.recv() {
        let until = Instant::now() + patience;
        let is_given_up = || reply.is_closed();
        let waiting = Patience::new(until, &is_given_up);
        let outcome = match order {
            Order::Query { namespace, wql } => computer.query(namespace, &wql, &waiting).map(Done::Rows),
            Order::Invoke {
                namespace,
                class,
                key,
                method,
                parameters,
            } => {
                let path = text::object_path(&class, key.as_ref().map(|(n, v)| (n.as_str(), v.as_str())));
                computer
                    .invoke(namespace, &class, &path, &method, &parameters, &waiting)
                    .map(Done::Output)
            }
        };
        let _ = reply.send(outcome);
    }
}

impl ComConnection {
    async fn ask(&self, order: Order) -> Result<Done, services::Error> {
        let (reply, outcome) = oneshot::channel();
        self.orders
            .send((order, self.patience, reply))
            .map_err(|_| services::Error::lost())?;
        outcome.await.unwrap_or_else(|_| Err(services::Error::lost()))
    }
}

impl WmiConnection for ComConnection {
    fn computer(&self) -> &str {
        &self.asked.computer
    }

    fn query<'a>(&'a mut self, namespace: Namespace, wql: &'a str) -> BoxFuture<'a, Result<Vec<Instance>, WmiError>> {
        Box::pin(async move {
            let order = Order::Query {
                namespace,
                wql: wql.to_owned(),
            };
            match self.ask(order).await {
                Ok(Done::Rows(rows)) => Ok(rows),
                Ok(Done::Output(_)) => Err(self.asked.failed("the query", class_of(wql), &services::Error::lost())),
                Err(error) => Err(self.asked.query_failed(wql, &error)),
            }
        })
    }

    fn invoke<'a>(
        &'a mut self,
        object: ObjectPath<'a>,
        method: &'a str,
        parameters: &'a [(&'a str, Param<'a>)],
    ) -> BoxFuture<'a, Result<Instance, WmiError>> {
        Box::pin(async move {
            let operation = format!("{}.{method}", object.class);
            let order = Order::Invoke {
                namespace: object.namespace,
                class: object.class.to_owned(),
                key: object.key.map(|(name, value)| (name.to_owned(), value.to_owned())),
                method: method.to_owned(),
                parameters: parameters
                    .iter()
                    .map(|(name, parameter)| {
                        let (Param::Text(value) | Param::Secret(value)) = parameter;
                        ((*name).to_owned(), Zeroizing::new((*value).to_owned()))
                    })
                    .collect(),
            };
            let output = match self.ask(order).await {
                Ok(Done::Output(output)) => output,
                Ok(Done::Rows(_)) => Instance::default(),
                Err(error) => {
                    let error = self.asked.failed(&operation, object.class, &error);
                    return Err(without_secrets(error, parameters));
                }
            };
            checked(self.computer(), object.class, operation, output)
        })
    }
}
