//! The handshake before a session: checks which device connects and whether it is that device. It changes nothing.

use homepot::{
    model::{Hello, Nonce},
    pb::device::v1::{self as pb, attach_response::Message},
};
use homepot_registry::{Impostor, Proof, check_proof, judge};
use homepot_runtime::auth::DeviceCaller;
use tokio::time::timeout;
use tonic::Streaming;

use crate::{
    Link,
    inbound::{count_refusal, received},
    outbound::Outbound,
    protocol::{self, Incoming},
    sessions::End,
};

/// Waits for Hello, and for the proof of a device that has to give one, both within the deadline.
pub(crate) async fn introduced(
    link: &Link,
    caller: &DeviceCaller,
    inbound: &mut Streaming<pb::AttachRequest>,
    outbound: &Outbound,
) -> Result<Hello, End> {
    let (mut hello, mut proof) = (None, Proof::NotAsked);
    let introduction = async {
        let nonce = challenge(caller, outbound).await?;
        if nonce.is_some() {
            proof = Proof::Pending;
        }
        while hello.is_none() || proof == Proof::Pending {
            match next(link, inbound).await? {
                Incoming::Hello(told) if hello.is_none() => {
                    judged(caller, &told, proof)?;
                    hello = Some(told);
                }
                Incoming::Hello(_) => return Err(End::Protocol("Hello came twice".to_owned())),
                Incoming::Proof(signature) if proof == Proof::Pending => {
                    proof = checked(caller, nonce.as_ref(), &signature);
                    if proof == Proof::Wrong {
                        return Err(turned_away(caller, hello.as_ref(), Impostor::Unproved(proof)));
                    }
                }
                _ if hello.is_none() => return Err(End::Protocol("the first message must be Hello".to_owned())),
                _ => return Err(End::Protocol("nothing but the proof may come before Welcome".to_owned())),
            }
        }
        Ok(())
    };
    match timeout(link.inner.config.hello_deadline, introduction).await {
        Ok(done) => done?,
        Err(_) if hello.is_some() => {
            return Err(turned_away(caller, hello.as_ref(), Impostor::Unproved(Proof::Missing)));
        }
        Err(_) => return Err(End::Protocol("Hello did not come in time".to_owned())),
    }
    hello.ok_or(End::Internal)
}

/// Asks for the proof; `None`: there is none to give.
async fn challenge(caller: &DeviceCaller, outbound: &Outbound) -> Result<Option<Nonce>, End> {
    if caller.proof_key.is_none() {
        return Ok(None);
    }
    let mut nonce: Nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|error| {
        tracing::error!(%error, "read random bytes");
        End::Internal
    })?;
    outbound.send(Message::Challenge(pb::Challenge { nonce: nonce.to_vec() })).await?;
    Ok(Some(nonce))
}

async fn next(link: &Link, inbound: &mut Streaming<pb::AttachRequest>) -> Result<Incoming, End> {
    protocol::read(received(inbound.message().await)?, link.clock()).map_err(|refusal| {
        count_refusal(&refusal.message);
        End::Protocol(format!("{} was refused: {}", refusal.message, refusal.reason))
    })
}

fn checked(caller: &DeviceCaller, nonce: Option<&Nonce>, signature: &[u8]) -> Proof {
    match caller.proof_key.as_ref().zip(nonce) {
        Some((key, nonce)) => check_proof(key, nonce, &caller.device_id, signature),
        None => Proof::NotAsked,
    }
}

fn judged(caller: &DeviceCaller, hello: &Hello, proof: Proof) -> Result<(), End> {
    judge(hello.source, caller.source, proof).map_err(|impostor| turned_away(caller, Some(hello), impostor))
}

fn turned_away(caller: &DeviceCaller, hello: Option<&Hello>, impostor: Impostor) -> End {
    impostor.note(&caller.device_id, hello.and_then(|hello| hello.source), caller.source);
    End::Protocol(impostor.words().to_owned())
}
