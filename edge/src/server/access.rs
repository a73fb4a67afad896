//! Nobody gets in who does not belong.
//!
//! The Unix socket is its owner's by its mode. On an address of this machine alone no
//! token is needed unless the owner wants one; on any other address one always is. Where
//! a browser can reach us, `Host` and `Origin` are checked first: a page of another site
//! may make a browser send requests here, and may even give its own name our address.
//!
//! # Invariants
//! - What looks like one of our tokens must be valid, even where none is needed.
//! - Every route says what it needs; nothing but [`Need::Nothing`] is open.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, Response, header};
use axum::middleware::Next;

use super::Settings;
use super::decode::Wishes;
use super::refusal::Refusal;
use super::state::Shared;
use crate::memory::query::MemoryUse;
use token::{Scope, Scopes, looks_like_ours};

pub mod token;

/// Through which door a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The Unix socket.
    Unix,
    /// A TCP socket that listens here.
    Tcp(SocketAddr),
}

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Anybody may ask.
    Nothing,
    /// A caller with this scope.
    Scope(Scope),
}

/// Who asks.
#[derive(Clone, Debug, Default)]
pub(super) struct Caller {
    scopes: Scopes,
    /// Whether a token says so, rather than the door alone.
    by_token: bool,
}

impl Caller {
    /// Who sent a request that came past [`guard`].
    pub(super) fn of(request: &Request<Body>) -> Self {
        request.extensions().get().cloned().unwrap_or_default()
    }

    /// What memory may do for this caller's request.
    ///
    /// # Errors
    /// [`Refusal`] if more is asked for than the caller may have.
    pub(super) fn memory(
        &self,
        wishes: &Wishes,
        settings: &Settings,
    ) -> Result<MemoryUse, Refusal> {
        let may = self.scopes.has(Scope::Memory);
        let memory = match wishes.memory {
            Some(MemoryUse::Off) => MemoryUse::Off,
            Some(_) if !may => return Err(missing(Scope::Memory)),
            Some(wanted) => wanted,
            None if wishes.session.is_some() && may => MemoryUse::Use,
            None if self.by_token && may => settings.memory,
            None => MemoryUse::Off,
        };
        if memory == MemoryUse::Off && wishes.session.is_some() {
            let message = "needs memory: ask for `use` or `read_only`";
            return Err(Refusal::invalid("scrubjay.session", message));
        }
        Ok(memory)
    }
}

fn missing(scope: Scope) -> Refusal {
    let message = format!("this needs a token with the scope `{}`", scope.name());
    Refusal::forbidden("missing_scope", message)
}

/// Lets in who belongs, and notes who it is.
///
/// # Errors
/// [`Refusal`] to everybody else.
pub(super) async fn guard(
    State((shared, door, need)): State<(Arc<Shared>, Door, Need)>,
    mut request: Request<Body>,
    next: Next,
) -> Result<Response<Body>, Refusal> {
    let settings = shared.settings();
    if let Door::Tcp(address) = door {
        check_host(&request, address, &settings.hosts)?;
        check_origin(request.headers(), need)?;
    }
    let caller = caller(request.headers(), door, &shared, &settings)?;
    match (need, caller) {
        (Need::Nothing, _) => {}
        (Need::Scope(scope), Some(caller)) if caller.scopes.has(scope) => {
            request.extensions_mut().insert(caller);
        }
        (Need::Scope(scope), Some(_)) => return Err(missing(scope)),
        (Need::Scope(_), None) => {
            let message = "this needs a token: `Authorization: Bearer …`, from `edge token new`";
            return Err(Refusal::unauthorised(message));
        }
    }
    Ok(next.run(request).await)
}

fn caller(
    headers: &HeaderMap,
    door: Door,
    shared: &Shared,
    settings: &Settings,
) -> Result<Option<Caller>, Refusal> {
    let by_door = match door {
        Door::Unix => true,
        Door::Tcp(address) => address.ip().is_loopback() && !settings.require_token,
    };
    let presented = headers.get(header::AUTHORIZATION);
    let presented = presented.and_then(|value| value.to_str().ok()?.split_once(' '));
    match presented {
        Some((scheme, token))
            if scheme.eq_ignore_ascii_case("bearer") && (looks_like_ours(token) || !by_door) =>
        {
            let scopes = shared
                .tokens
                .scopes(token)
                .map_err(|error| Refusal::internal(&error))?;
            let refused = || Refusal::unauthorised("this token is not valid, or was revoked");
            Ok(Some(Caller {
                scopes: scopes.ok_or_else(refused)?,
                by_token: true,
            }))
        }
        // Clients that insist on a key send anything.
        _ if by_door => Ok(Some(Caller {
            scopes: Scopes::all(),
            by_token: false,
        })),
        _ => Ok(None),
    }
}

/// A page that gives its name our address still says its name.
fn check_host(
    request: &Request<Body>,
    address: SocketAddr,
    hosts: &[String],
) -> Result<(), Refusal> {
    let header = request.headers().get(header::HOST);
    let header = header.and_then(|host| host.to_str().ok());
    let ours = |authority: &str| {
        let name = host_name(authority);
        let own = address.ip().to_string();
        ["localhost", "127.0.0.1", "::1", own.as_str()].contains(&name.as_str())
            || hosts.iter().any(|host| host.eq_ignore_ascii_case(&name))
    };
    let named = request
        .uri()
        .authority()
        .map(axum::http::uri::Authority::as_str);
    if header.is_some_and(ours) && named.is_none_or(ours) {
        return Ok(());
    }
    let message = "this host name is not ours; `server.hosts` allows further ones";
    Err(Refusal::forbidden("host_not_allowed", message))
}

/// The name in `name:port` or `[address]:port`, in lower case.
fn host_name(authority: &str) -> String {
    let name = match authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((address, _)) => address,
        None => authority
            .rsplit_once(':')
            .map_or(authority, |(name, _)| name),
    };
    name.to_ascii_lowercase()
}

/// A browser says which page sends a request: it must be one of ours.
fn check_origin(headers: &HeaderMap, need: Need) -> Result<(), Refusal> {
    let text = |name: header::HeaderName| Some(headers.get(name)?.to_str().unwrap_or("?"));
    let host = text(header::HOST).unwrap_or_default();
    let same = |origin: &str| {
        let authority = origin
            .strip_prefix("http://")
            .or(origin.strip_prefix("https://"));
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    };
    let foreign = text(header::ORIGIN).is_some_and(|origin| !same(origin));
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    // Following a link to the page itself is everybody's right.
    let elsewhere = site.is_some_and(|site| site != "same-origin" && site != "none");
    if foreign || (elsewhere && need != Need::Nothing) {
        let message = "requests from pages of other sites are refused";
        return Err(Refusal::forbidden("origin_not_allowed", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_told_from_its_port() {
        for (authority, name) in [
            ("localhost:7411", "localhost"),
            ("LOCALHOST", "localhost"),
            ("127.0.0.1", "127.0.0.1"),
            ("[::1]:7411", "::1"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(host_name(authority), name);
        }
    }
}
