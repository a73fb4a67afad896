//! Doors: the sockets that are listened on, and the connections through them.
//!
//! # Invariants
//! - A socket's file is its owner's alone, in a folder that is its owner's alone; through
//!   it comes nobody but its owner and root, whatever its mode.
//! - A file that another server answers on is left alone; one that nobody answers on is
//!   replaced.
//! - Headers must come within their time and their size; so many connections are served
//!   at once, and further ones wait.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use super::Limits;
use super::access::Door;

/// Why there is no door.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Address {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
    /// The socket cannot be made.
    #[error("cannot listen on the socket {path}")]
    Socket {
        /// Its file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A server listens there already.
    #[error("a server listens on {path} already")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// What systemd handed over cannot be used.
    #[error("cannot use the sockets that the service manager handed over")]
    HandedOver {
        /// The system's reason.
        source: io::Error,
    },
}

/// Open doors.
#[derive(Debug, Default)]
pub struct Doors {
    tcp: Vec<TcpListener>,
    unix: Vec<UnixListener>,
    /// The socket's file that is ours to remove.
    file: Option<PathBuf>,
}

impl Doors {
    /// The sockets that a service manager handed over, where it did.
    ///
    /// # Errors
    /// [`ListenError::HandedOver`] for what is not a socket that listens.
    pub fn handed_over() -> Result<Option<Self>, ListenError> {
        let mut given = listenfd::ListenFd::from_env();
        let mut doors = Self::default();
        for at in 0..given.len() {
            if let Ok(Some(listener)) = given.take_unix_listener(at) {
                doors.unix.push(listener);
                continue;
            }
            let listener = given.take_tcp_listener(at);
            let listener = listener.map_err(|source| ListenError::HandedOver { source })?;
            doors.tcp.extend(listener);
        }
        let any = !doors.tcp.is_empty() || !doors.unix.is_empty();
        Ok(any.then_some(doors))
    }

    /// Opens a socket and, if one is wanted, an address.
    ///
    /// # Errors
    /// [`ListenError`] says which of them is not to be had.
    pub fn open(socket: &Path, address: Option<SocketAddr>) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Socket {
            path: socket.to_owned(),
            source,
        };
        let bind = |address| {
            TcpListener::bind(address).map_err(|source| ListenError::Address { address, source })
        };
        let tcp = address.map(bind).transpose()?;
        if UnixStream::connect(socket).is_ok() {
            return Err(ListenError::InUse {
                path: socket.to_owned(),
            });
        }
        Ok(Self {
            tcp: tcp.into_iter().collect(),
            unix: vec![bind_private(socket).map_err(failed)?],
            file: Some(socket.to_owned()),
        })
    }

    /// The addresses that are listened on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let addresses = self.tcp.iter();
        addresses.filter_map(|tcp| tcp.local_addr().ok()).collect()
    }

    /// The sockets that are listened on.
    pub fn sockets(&self) -> Vec<PathBuf> {
        let addresses = self.unix.iter().filter_map(|unix| unix.local_addr().ok());
        addresses
            .filter_map(|address| Some(address.as_pathname()?.to_owned()))
            .collect()
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            // Gone already, or not ours to remove: the next server looks.
            let _ = fs_err::remove_file(file);
        }
    }
}

fn bind_private(socket: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = socket.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    match fs_err::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(socket)?;
    fs_err::set_permissions(socket, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves connections in the background, until they are told to end.
pub(super) struct Serving {
    /// Told once: accept no more.
    end: watch::Sender<()>,
    hosts: Vec<JoinHandle<()>>,
    doors: Doors,
}

/// Begins to serve; `router` makes the routes behind a door. Called within the runtime.
pub(super) fn serve(
    doors: Doors,
    limits: &Limits,
    router: impl Fn(Door) -> Router,
) -> io::Result<Serving> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (end, ending) = watch::channel(());
    let host = |door| Host {
        router: router(door),
        http: http(limits),
        places: Arc::clone(&places),
        graceful: GracefulShutdown::new(),
    };
    let mut hosts = Vec::new();
    for tcp in &doors.tcp {
        tcp.set_nonblocking(true)?;
        let host = host(Door::Tcp(tcp.local_addr()?));
        let tcp = tokio::net::TcpListener::from_std(tcp.try_clone()?)?;
        hosts.push(tokio::spawn(host.run(tcp, ending.clone())));
    }
    for unix in &doors.unix {
        unix.set_nonblocking(true)?;
        let host = host(Door::Unix);
        let unix = tokio::net::UnixListener::from_std(unix.try_clone()?)?;
        hosts.push(tokio::spawn(host.run(unix, ending.clone())));
    }
    Ok(Serving { end, hosts, doors })
}

/// A socket that connections come through.
trait Listener: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listener for tokio::net::TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn accept(&self) -> io::Result<Self::Stream> {
        let (stream, _) = self.accept().await?;
        // Each event is a packet of its own: do not wait to fill them.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl Listener for tokio::net::UnixListener {
    type Stream = tokio::net::UnixStream;

    /// Whoever opened the socket's mode to others did not mean to.
    async fn accept(&self) -> io::Result<Self::Stream> {
        let (stream, _) = self.accept().await?;
        let owner = rustix::process::geteuid().as_raw();
        match stream.peer_cred()?.uid() {
            0 => Ok(stream),
            uid if uid == owner => Ok(stream),
            _ => Err(io::ErrorKind::PermissionDenied.into()),
        }
    }
}

/// Out of file descriptors, most likely: some will come back.
async fn pause(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
}

fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_time)
        .max_buf_size(limits.header_bytes);
    http
}

/// Serves the connections of one door.
struct Host {
    router: Router,
    http: http1::Builder,
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
}

impl Host {
    /// Accepts until it is to end, then waits for the connections that are there.
    async fn run(self, listener: impl Listener, mut ending: watch::Receiver<()>) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                break;
            };
            tokio::select! {
                _ = ending.changed() => break,
                accepted = listener.accept() => match accepted {
                    Ok(stream) => self.serve(stream, place),
                    Err(error) => pause(&error).await,
                },
            }
        }
        drop(listener);
        self.graceful.shutdown().await;
    }

    fn serve<S>(&self, stream: S, place: OwnedSemaphorePermit)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = TowerToHyperService::new(self.router.clone());
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        let connection = self.graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is its own affair.
            let _ = connection.await;
            drop(place);
        });
    }
}

impl Serving {
    /// Accepts no more connections and lets those that are there end.
    pub(super) async fn end(self) {
        let _ = self.end.send(());
        drop(self.doors);
        for host in self.hosts {
            let _ = host.await;
        }
    }
}
