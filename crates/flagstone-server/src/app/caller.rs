//! Who asks: what the doors to the state want to know of everybody.

use std::net::IpAddr;
use std::sync::Arc;

use flagstone_model::Principal;
use flagstone_model::commit::Actor;
use flagstone_model::users::User;
use flagstone_store::SessionHash;

use super::preconditions::Precondition;

/// Who sends a request, and how the audit log names them.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who, as the state can tell.
    pub principal: Principal,
    /// Who, as the audit log says.
    pub actor: Actor,
    /// Whether there were credentials, right or wrong.
    pub sent_credentials: bool,
    /// The session, if that is what came.
    pub session: Option<SessionHash>,
    /// What the changes depend on that they ask for.
    pub precondition: Option<Arc<Precondition>>,
}

impl Caller {
    /// The server itself.
    pub fn system() -> Self {
        Self {
            principal: Principal::System,
            actor: Actor::system(),
            sent_credentials: false,
            session: None,
            precondition: None,
        }
    }

    /// An edge that shares a secret with the server.
    pub fn edge(ip: IpAddr) -> Self {
        let actor = Actor { name: "edge".to_owned(), ip: Some(ip.to_string()), ..Actor::system() };
        Self { principal: Principal::System, actor, sent_credentials: true, session: None, precondition: None }
    }

    /// A user who holds a link that sets a password.
    pub fn by_link(user: &User, ip: IpAddr) -> Self {
        let principal = Principal::User { id: user.id, personal_token: None, generation: Some(user.generation) };
        Self { principal, actor: user_actor(user, ip), sent_credentials: true, session: None, precondition: None }
    }

    /// Somebody unknown who asks for what goes to the user alone.
    pub fn on_behalf_of(user: &User, ip: IpAddr) -> Self {
        Self { actor: Self::nobody(false, ip).actor, ..Self::by_link(user, ip) }
    }

    /// Somebody who holds a link to sign up with: the server makes a user of them.
    pub fn by_signup_link(ip: IpAddr) -> Self {
        let actor = Actor { ip: Some(ip.to_string()), ..Actor::system() };
        Self { principal: Principal::System, actor, sent_credentials: true, session: None, precondition: None }
    }

    /// Nobody that is known.
    pub fn nobody(sent_credentials: bool, ip: IpAddr) -> Self {
        let actor = Actor { id: 0, name: "nobody".to_owned(), ip: Some(ip.to_string()) };
        Self { principal: Principal::Anonymous, actor, sent_credentials, session: None, precondition: None }
    }

    /// The address that the request came from.
    pub fn address(&self) -> IpAddr {
        self.actor.ip.as_deref().and_then(|ip| ip.parse().ok()).unwrap_or(IpAddr::from([0, 0, 0, 0]))
    }

    /// The user, through whatever credentials.
    pub const fn user_id(&self) -> Option<i64> {
        self.principal.user_id()
    }
}

/// A user, as the audit log names them.
pub fn user_actor(user: &User, ip: IpAddr) -> Actor {
    Actor { id: user.id, name: user.label(), ip: Some(ip.to_string()) }
}
