//! Real servers as Debian ships them, each on a loopback port with a data folder of its own.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use longhaul::clock::monotonic;

/// A server that ends with the test.
pub(super) struct Real {
    pub(super) addr: SocketAddr,
    child: Child,
    /// What ends it in order: it takes its own children along.
    signal: &'static str,
    dir: tempfile::TempDir,
}

const PATIENCE: Duration = Duration::from_mins(1);

impl Real {
    /// Starts a server and waits until it accepts connections.
    fn start(signal: &'static str, make: impl FnOnce(&Path, SocketAddr) -> Command) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let addr = free_port();
        let mut command = make(dir.path(), addr);
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let program = command.get_program().to_owned();
        let child = command.process_group(0).spawn();
        let child =
            child.unwrap_or_else(|e| panic!("{} (installed by .ci/run): {e}", program.display()));
        let mut server = Self { addr, child, signal, dir };
        let deadline = monotonic() + PATIENCE;
        while TcpStream::connect_timeout(&addr, Duration::from_secs(1)).is_err() {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none() && monotonic() < deadline, "{ended:?} {}", server.log());
            std::thread::park_timeout(Duration::from_millis(20));
        }
        server
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub(super) fn redis() -> Self {
        Self::start("TERM", |dir, addr| {
            let mut command = Command::new("redis-server");
            command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
            command.args(["--port", &addr.port().to_string(), "--requirepass", PASSWORD]);
            command.arg("--dir").arg(dir);
            command
        })
    }

    /// Also speaks HTTP/2 in plain text, as to those who take it for granted; with TLS if it is given a certificate.
    pub(super) fn nginx(tls: Option<(&str, &str)>) -> Self {
        Self::start("QUIT", |dir, addr| {
            let mut listen = format!("listen {addr} http2;");
            if let Some((certificate, key)) = tls {
                std::fs::write(dir.join("cert.pem"), certificate).unwrap();
                std::fs::write(dir.join("key.pem"), key).unwrap();
                listen = format!(
                    "listen {addr} ssl http2; ssl_certificate cert.pem; ssl_certificate_key key.pem;"
                );
            }
            let text = format!(
                "pid nginx.pid; daemon off; error_log stderr; worker_processes 1;
                 events {{ worker_connections 512; }}
                 http {{
                   access_log access.log; client_body_temp_path t1; proxy_temp_path t2;
                   fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
                   server {{
                     {listen}
                     location / {{ add_header x-next $request_method; return 200 '{{\"id\": 41}}'; }}
                     location /missing {{ return 404; }}
                   }}
                 }}"
            );
            std::fs::write(dir.join("nginx.conf"), text).unwrap();
            let mut command = Command::new("nginx");
            command.arg("-p").arg(dir).args(["-c", "nginx.conf"]);
            command
        })
    }

    /// The user `postgres` logs in with [`PASSWORD`]; there is a table `item(id int primary key, name text)`.
    pub(super) fn postgres() -> Self {
        let bin = postgres_bin();
        let server = Self::start("INT", |dir, addr| {
            let data = dir.join("data");
            let password = dir.join("password");
            std::fs::write(&password, PASSWORD).unwrap();
            std::fs::create_dir(&data).unwrap();
            std::fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).unwrap();
            if rustix::process::geteuid().is_root() {
                let user = Command::new("chown").arg("postgres").arg(&data).status().unwrap();
                assert!(user.success());
            }
            let made = as_postgres(&bin.join("initdb"))
                .args(["-U", "postgres", "-A", "scram-sha-256", "--no-sync", "-D"])
                .arg(&data)
                .arg(format!("--pwfile={}", password.display()))
                .output()
                .unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let mut command = as_postgres(&bin.join("postgres"));
            command.arg("-D").arg(&data).args(["-h", "127.0.0.1", "-p", &addr.port().to_string()]);
            command.arg("-k").arg(&data).args(["-c", "fsync=off", "-c", "max_connections=20"]);
            command
        });
        server.psql("CREATE TABLE item (id int PRIMARY KEY, name text)");
        server.psql("INSERT INTO item SELECT n, 'item ' || n FROM generate_series(1, 100) n");
        server
    }

    /// Has a query answered by Postgres' own client.
    pub(super) fn psql(&self, query: &str) -> String {
        let port = self.addr.port().to_string();
        let deadline = monotonic() + PATIENCE;
        loop {
            let out = Command::new(postgres_bin().join("psql"))
                .env("PGPASSWORD", PASSWORD)
                .args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-Atqc", query])
                .output()
                .unwrap();
            if out.status.success() {
                return String::from_utf8(out.stdout).unwrap().trim().to_owned();
            }
            let why = String::from_utf8_lossy(&out.stderr).into_owned();
            // It accepts connections before it takes questions.
            assert!(why.contains("starting up") && monotonic() < deadline, "{why}");
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    /// Has a command answered by Redis' own client.
    pub(super) fn redis_cli(&self, command: &[&str]) -> String {
        let out = Command::new("redis-cli")
            .env("REDISCLI_AUTH", PASSWORD)
            .args(["-p", &self.addr.port().to_string(), "-n", "1"])
            .args(command)
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        if matches!(self.child.try_wait(), Ok(None)) {
            drop(Command::new("kill").args(["-s", self.signal, &pid]).status());
        }
        drop(self.child.wait());
    }
}

/// The password of every server here.
pub(super) const PASSWORD: &str = env!("CARGO_PKG_NAME");

fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn postgres_bin() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("postgresql, see .ci/run");
    let newest = versions.map(|entry| entry.unwrap().path()).max().expect("a version");
    newest.join("bin")
}

/// Postgres refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program);
    command
}
