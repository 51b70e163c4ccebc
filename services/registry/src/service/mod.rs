//! `RegistryService`: reads a request into the model, looks up what it names, asks the registry.

mod devices;
mod operators;
mod presence;
mod removal;
mod sessions;
mod sites;
mod tokens;

use homepot::{
    Error,
    model::{SiteId, SiteScope},
    pb::registry::v1::{self as pb, registry_service_server::RegistryService},
};
use homepot_operator_api::{Directory, operator_service};

pub(crate) use self::sessions::Sessions;
use crate::Registry;

/// The operators' face of the registry.
#[derive(Clone)]
pub struct Service {
    registry: Registry,
    directory: Directory,
}

impl Service {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { directory: Directory::new(registry.inner.store.clone()), registry }
    }
}

operator_service! {
    impl RegistryService for Service, with messages of pb;
    unary {
        create_site(CreateSiteRequest) -> CreateSiteResponse;
        get_site(GetSiteRequest) -> GetSiteResponse;
        list_sites(ListSitesRequest) -> ListSitesResponse;
        update_site(UpdateSiteRequest) -> UpdateSiteResponse;
        remove_site(RemoveSiteRequest) -> RemoveSiteResponse;
        get_device(GetDeviceRequest) -> GetDeviceResponse;
        list_devices(ListDevicesRequest) -> ListDevicesResponse;
        summarize_fleet(SummarizeFleetRequest) -> SummarizeFleetResponse;
        update_device(UpdateDeviceRequest) -> UpdateDeviceResponse;
        deactivate_device(DeactivateDeviceRequest) -> DeactivateDeviceResponse;
        activate_device(ActivateDeviceRequest) -> ActivateDeviceResponse;
        rotate_device_key(RotateDeviceKeyRequest) -> RotateDeviceKeyResponse;
        revoke_device_keys(RevokeDeviceKeysRequest) -> RevokeDeviceKeysResponse;
        remove_device(RemoveDeviceRequest) -> RemoveDeviceResponse;
        remove_simulated_devices(RemoveSimulatedDevicesRequest) -> RemoveSimulatedDevicesResponse;
        get_presence(GetPresenceRequest) -> GetPresenceResponse;
        list_state_changes(ListStateChangesRequest) -> ListStateChangesResponse;
        create_enrollment_token(CreateEnrollmentTokenRequest) -> CreateEnrollmentTokenResponse;
        list_enrollment_tokens(ListEnrollmentTokensRequest) -> ListEnrollmentTokensResponse;
        revoke_enrollment_token(RevokeEnrollmentTokenRequest) -> RevokeEnrollmentTokenResponse;
        create_operator(CreateOperatorRequest) -> CreateOperatorResponse;
        list_operators(ListOperatorsRequest) -> ListOperatorsResponse;
        revoke_operator(RevokeOperatorRequest) -> RevokeOperatorResponse;
        rotate_operator_token(RotateOperatorTokenRequest) -> RotateOperatorTokenResponse;
        who_am_i(WhoAmIRequest) -> WhoAmIResponse;
    }
    streams {
        watch(WatchRequest) -> WatchResponse as WatchStream;
    }
}

/// Sites as texts into a scope; none means all.
fn scope_of(site_ids: &[String]) -> Result<SiteScope, Error> {
    if site_ids.is_empty() {
        return Ok(SiteScope::All);
    }
    let parse = |id: &String| SiteId::parse_as("site_ids", id);
    Ok(SiteScope::Only(site_ids.iter().map(parse).collect::<Result<_, _>>()?))
}
