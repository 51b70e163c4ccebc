//! `RegistryService`: reads a request into the model, checks the caller's sites, asks the registry.

mod devices;
mod operators;
mod presence;
mod removal;
mod sites;
mod tokens;

use futures_util::stream::BoxStream;
use homepot::{
    Error,
    model::{Device, DeviceId, Site, SiteId, SiteScope},
    pb::registry::v1::{self as pb, registry_service_server::RegistryService},
};
use homepot_runtime::auth::{self, OperatorCaller};
use tonic::{Request, Response, Status};

use crate::Registry;

/// The operators' face of the registry.
#[derive(Clone)]
pub struct Service {
    registry: Registry,
}

impl Service {
    pub(crate) fn new(registry: Registry) -> Self {
        Self { registry }
    }

    /// A site the caller may see; another's is as if it were not there.
    async fn site_of(&self, caller: &OperatorCaller, site_id: &SiteId) -> Result<Site, Error> {
        if !caller.scope.allows(site_id) {
            return Err(Error::not_found(format!("Site {site_id} not found")));
        }
        self.registry.find_site(site_id).await
    }

    /// A device of a site the caller may see; another's is as if it were not there.
    async fn device_of(&self, caller: &OperatorCaller, device_id: &str) -> Result<Device, Error> {
        let device_id = DeviceId::parse(device_id)?;
        let found = self
            .registry
            .inner
            .store
            .run("find_device", move |conn| homepot_store::devices::find(conn, &device_id))
            .await?;
        found.filter(|device| caller.scope.allows(&device.site_id)).ok_or_else(|| Error::not_found("Device not found"))
    }

    /// The site filter of a list: it must be one the caller may see.
    async fn site_filter(&self, caller: &OperatorCaller, site_id: &str) -> Result<Option<SiteId>, Error> {
        let Some(site_id) = site_filter(site_id)? else { return Ok(None) };
        self.site_of(caller, &site_id).await?;
        Ok(Some(site_id))
    }
}

/// The site that a list is to be of; none where it is left empty.
fn site_filter(site_id: &str) -> Result<Option<SiteId>, Error> {
    Some(site_id).filter(|id| !id.is_empty()).map(SiteId::parse).transpose()
}

/// Reads who calls, then runs the method's own function, which works with `Error` throughout.
macro_rules! serve {
    ($($rpc:ident: $request:ident => $response:ident;)*) => {
        #[tonic::async_trait]
        impl RegistryService for Service {
            $(
                async fn $rpc(&self, request: Request<pb::$request>) -> Result<Response<pb::$response>, Status> {
                    let caller: OperatorCaller = auth::caller(&request)?;
                    let response = self.$rpc(&caller, request.into_inner()).await?;
                    Ok(Response::new(response))
                }
            )*

            type WatchStream = BoxStream<'static, Result<pb::WatchResponse, Status>>;

            async fn watch(&self, request: Request<pb::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
                let caller: OperatorCaller = auth::caller(&request)?;
                Ok(Response::new(self.open_watch(&caller, request.into_inner()).await?))
            }
        }
    };
}

serve! {
    create_site: CreateSiteRequest => CreateSiteResponse;
    get_site: GetSiteRequest => GetSiteResponse;
    list_sites: ListSitesRequest => ListSitesResponse;
    update_site: UpdateSiteRequest => UpdateSiteResponse;
    get_device: GetDeviceRequest => GetDeviceResponse;
    list_devices: ListDevicesRequest => ListDevicesResponse;
    summarize_fleet: SummarizeFleetRequest => SummarizeFleetResponse;
    update_device: UpdateDeviceRequest => UpdateDeviceResponse;
    deactivate_device: DeactivateDeviceRequest => DeactivateDeviceResponse;
    activate_device: ActivateDeviceRequest => ActivateDeviceResponse;
    rotate_device_key: RotateDeviceKeyRequest => RotateDeviceKeyResponse;
    revoke_device_keys: RevokeDeviceKeysRequest => RevokeDeviceKeysResponse;
    remove_simulated_devices: RemoveSimulatedDevicesRequest => RemoveSimulatedDevicesResponse;
    get_presence: GetPresenceRequest => GetPresenceResponse;
    list_state_changes: ListStateChangesRequest => ListStateChangesResponse;
    create_enrollment_token: CreateEnrollmentTokenRequest => CreateEnrollmentTokenResponse;
    list_enrollment_tokens: ListEnrollmentTokensRequest => ListEnrollmentTokensResponse;
    revoke_enrollment_token: RevokeEnrollmentTokenRequest => RevokeEnrollmentTokenResponse;
    create_operator: CreateOperatorRequest => CreateOperatorResponse;
    list_operators: ListOperatorsRequest => ListOperatorsResponse;
    revoke_operator: RevokeOperatorRequest => RevokeOperatorResponse;
    rotate_operator_token: RotateOperatorTokenRequest => RotateOperatorTokenResponse;
    who_am_i: WhoAmIRequest => WhoAmIResponse;
}

/// Sites as texts into a scope; none means all.
fn scope_of(site_ids: &[String]) -> Result<SiteScope, Error> {
    if site_ids.is_empty() {
        return Ok(SiteScope::All);
    }
    let parse = |id: &String| SiteId::parse_as("site_ids", id);
    Ok(SiteScope::Only(site_ids.iter().map(parse).collect::<Result<_, _>>()?))
}
