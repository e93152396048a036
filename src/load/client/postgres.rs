//! Postgres queries and transactions over a pool of connections; statements are prepared once on each.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;

use bytes::BytesMut;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, Connection, Error, NoTls};

use super::desk::Turn;
use super::idle::Conn;
use super::lines::{Door, Making, split};
use super::link::{Link, Tag};
use crate::experiment::PostgresStep;
use crate::load::LoadError;
use crate::load::captures::Names;
use crate::load::failure::Failure;
use crate::load::request::Request;

/// A `postgres` step.
pub(in crate::load) struct Call {
    door: Door,
    pool: usize,
    config: Config,
    statements: Vec<Statement>,
    transaction: bool,
}

struct Statement {
    query: String,
    params: Vec<Request>,
    min_rows: Option<u64>,
}

const PORT: u16 = 5432;

impl Call {
    pub(super) fn new(
        step: &PostgresStep,
        names: &Names,
        making: &mut Making<'_>,
    ) -> Result<Self, LoadError> {
        let (authority, path) = split(&step.url);
        let mut config = Config::new();
        config.user(&step.user).application_name("longhaul");
        let database = path.trim_start_matches('/').split(['?', '#']).next().unwrap_or_default();
        if !database.is_empty() {
            config.dbname(database);
        }
        if let Some(password) = &step.password {
            config.password(making.secrets.fill(password));
        }
        let who = format!("{} {:?}", step.user, step.password);
        let secrets = making.secrets;
        let statement = |s: &crate::experiment::Statement| {
            let params = s.params.iter().map(|param| Request::plain(param, names, secrets));
            Ok(Statement {
                query: s.query.clone(),
                params: params.collect::<Result<_, LoadError>>()?,
                min_rows: s.min_rows,
            })
        };
        Ok(Self {
            door: making.door((authority, PORT), false, None, None)?,
            pool: making.pool(format!("postgres {} {who}", step.url), step.pool),
            config,
            statements: step.statements.iter().map(statement).collect::<Result<_, LoadError>>()?,
            transaction: step.transaction,
        })
    }

    pub(super) async fn round(&self, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let (_permit, idle) = turn.desk.take(self.pool).await;
        let mut session = match idle {
            Some(Conn::Postgres(session)) => session,
            _ => Box::new(self.open(turn).await?),
        };
        session.tag.count_for(turn.line.id);
        let result = self.run(&mut session, turn).await;
        if session.is_quiet() {
            turn.desk.keep(self.pool, self.door.origin, Conn::Postgres(session));
        }
        result
    }

    async fn run(&self, session: &mut Session, turn: &mut Turn<'_>) -> Result<(), Failure> {
        if self.transaction {
            session.batch("BEGIN").await?;
        }
        for statement in &self.statements {
            if let Err(failure) = session.execute(statement, turn).await {
                if self.transaction {
                    session.batch("ROLLBACK").await?;
                }
                return Err(failure);
            }
        }
        if self.transaction { session.batch("COMMIT").await } else { Ok(()) }
    }

    /// Opens a connection and logs in: both together are its connect time.
    async fn open(&self, turn: &Turn<'_>) -> Result<Session, Failure> {
        let (books, id) = (&turn.desk.books, turn.line.id);
        let (stream, began) = turn.desk.reach(&self.door, id).await?;
        let link = Link::plain(stream);
        let tag = link.tag().clone();
        let opened = self.config.connect_raw(link, NoTls).await;
        let (client, connection) = opened.map_err(|error| failure(&error))?;
        books.write(|recorder, now| recorder.connected(now, id, now.since(began)));
        Ok(Session { client, connection, prepared: HashMap::new(), tag })
    }
}

/// A connection that has logged in.
pub(in crate::load) struct Session {
    client: Client,
    connection: Connection<Link, NoTlsStream>,
    prepared: HashMap<String, tokio_postgres::Statement>,
    /// Where it leads, and for whom it counts.
    pub(super) tag: Tag,
}

impl Session {
    /// Whether it is still open.
    pub(super) fn is_quiet(&mut self) -> bool {
        (&mut self.connection).now_or_never().is_none()
    }

    async fn execute(&mut self, statement: &Statement, turn: &mut Turn<'_>) -> Result<(), Failure> {
        let Self { client, connection, prepared, .. } = self;
        let mut params = Vec::with_capacity(statement.params.len());
        for param in &statement.params {
            let text = String::from_utf8(turn.text(param)?);
            params.push(Param(text.map_err(|_| Failure::failed("a parameter is not text"))?));
        }
        let ready = if let Some(known) = prepared.get(&statement.query) {
            known.clone()
        } else {
            let ready = drive(&mut *connection, client.prepare(&statement.query)).await?;
            prepared.insert(statement.query.clone(), ready.clone());
            ready
        };
        if ready.params().len() != params.len() {
            return Err(Failure::failed("the query has another number of parameters"));
        }
        let sent = turn.desk.books.now();
        let rows = drive(&mut *connection, async {
            let rows = client.query_raw(&ready, &params).await?;
            turn.first_byte(sent);
            let mut rows = std::pin::pin!(rows);
            let mut count = 0;
            while let Some(row) = rows.next().await {
                row?;
                count += 1;
            }
            Ok(rows.rows_affected().unwrap_or(count))
        })
        .await?;
        match statement.min_rows {
            Some(least) if rows < least => Err(Failure::failed("too few rows")),
            _ => Ok(()),
        }
    }

    async fn batch(&mut self, words: &str) -> Result<(), Failure> {
        drive(&mut self.connection, self.client.batch_execute(words)).await
    }
}

/// Waits for what a connection was asked while it carries the question and the answer. An answer that came with the
/// connection's end counts: it says why the database left.
async fn drive<T>(
    connection: impl Future<Output = Result<(), Error>>,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, Failure> {
    let mut asked = std::pin::pin!(asked);
    let ended = tokio::select! {
        biased;
        answer = &mut asked => return answer.map_err(|error| failure(&error)),
        ended = connection => ended,
    };
    match (asked.now_or_never(), ended) {
        (Some(Ok(answer)), _) => Ok(answer),
        (Some(Err(error)), _) if !error.is_closed() => Err(failure(&error)),
        (_, Err(error)) => Err(failure(&error)),
        (_, Ok(())) => Err(Failure::failed(CLOSED)),
    }
}

const CLOSED: &str = "connection closed";

/// Of an error of the database its code alone, because texts are counted.
fn failure(error: &Error) -> Failure {
    match error.as_db_error() {
        Some(told) => Failure::failed(format!("postgres error {}", told.code().code())),
        None if error.is_closed() => Failure::failed(CLOSED),
        None => Failure::from_error(error, "postgres protocol error"),
    }
}

/// A parameter as a text, in whatever form Postgres reads for its type.
#[derive(Debug)]
struct Param(String);

impl ToSql for Param {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn an_answer_that_comes_with_the_connection_s_end_is_not_lost() {
        let (carry, carried) = oneshot::channel();
        let connection = async {
            carry.send(7).unwrap();
            Ok(())
        };
        assert_eq!(drive(connection, async { Ok(carried.await.unwrap()) }).await.unwrap(), 7);
        let never = std::future::pending::<Result<(), Error>>();
        let failure = drive(std::future::ready(Ok(())), never).await.unwrap_err();
        assert_eq!(failure.text, CLOSED);
    }
}
