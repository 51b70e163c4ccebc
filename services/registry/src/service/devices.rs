//! Devices and their keys.

use std::time::Duration;

use homepot::{
    Error, Kind,
    model::{
        Device, DeviceChange, DeviceId, DeviceOrder, DeviceSelection, DeviceSource, DeviceStatus, DeviceType, Faults,
        LabelSelector, PageRequest, SecretKind, from_proto_duration, to_proto_timestamp,
    },
    pb::registry::v1 as pb,
};
use homepot_operator_api::Named;
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{
    Lane, device_keys,
    devices::{self, DeviceFilter, Matching, SummaryFilter},
};

use super::Service;
use crate::secrets::place_of;

const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// Reads a filter; `None` for any.
fn device_type(text: &str) -> Result<Option<DeviceType>, Error> {
    (!text.is_empty()).then(|| DeviceType::parse_any_case(text)).transpose()
}

impl Service {
    pub(super) async fn get_device(
        &self,
        caller: &OperatorCaller,
        request: pb::GetDeviceRequest,
    ) -> Result<pb::GetDeviceResponse, Error> {
        let device = self.directory.device_record(caller, DeviceId::parse(&request.device_id)?).await?;
        Ok(pb::GetDeviceResponse { device: Some(device.into_proto()) })
    }

    pub(super) async fn list_devices(
        &self,
        caller: &OperatorCaller,
        request: pb::ListDevicesRequest,
    ) -> Result<pb::ListDevicesResponse, Error> {
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(request.page_size, &request.page_token));
        let named = Named::read(&mut faults, &request.site_id, &[]);
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        let status = faults.take(DeviceStatus::from_proto("status", request.status)).flatten();
        let selector = faults.take(LabelSelector::parse("label_selector", &request.label_selector)).flatten();
        let device_type = faults.take(device_type(&request.device_type)).flatten();
        let order = faults.take(DeviceOrder::from_proto("order_by", request.order_by));
        let (page, order) = faults.finish(page.zip(order))?;
        let selection = self.directory.select(caller, named, source).await?;
        let matching = Matching { status, selector, device_type, active: request.active, search: request.search };
        let filter = DeviceFilter { selection, matching, order, descending: request.descending };
        let page =
            self.registry.inner.store.run("list_devices", move |conn| devices::list(conn, &filter, &page)).await?;
        let (devices, next_page_token) = page.into_answer(Device::into_proto);
        Ok(pb::ListDevicesResponse { devices, next_page_token })
    }

    pub(super) async fn summarize_fleet(
        &self,
        caller: &OperatorCaller,
        request: pb::SummarizeFleetRequest,
    ) -> Result<pb::SummarizeFleetResponse, Error> {
        let mut faults = Faults::new();
        let named = Named::read(&mut faults, &request.site_id, &[]);
        let selector = faults.take(LabelSelector::parse("label_selector", &request.label_selector)).flatten();
        let source = faults.take(DeviceSource::from_proto("source", request.source)).flatten();
        let status = faults.take(DeviceStatus::from_proto("status", request.status)).flatten();
        let device_type = faults.take(device_type(&request.device_type)).flatten();
        faults.check()?;
        let DeviceSelection { scope, site_id, .. } = self.directory.select(caller, named, source).await?;
        let matching = Matching { status, selector, device_type, active: request.active, search: request.search };
        let filter = SummaryFilter { scope, site_id, matching, source: source.unwrap_or(DeviceSource::Real) };
        let summarize = move |conn: &mut _| devices::summarize(conn, &filter);
        Ok(self.registry.inner.store.lane(Lane::Reports).run("summarize_fleet", summarize).await?.into())
    }

    pub(super) async fn update_device(
        &self,
        caller: &OperatorCaller,
        request: pb::UpdateDeviceRequest,
    ) -> Result<pb::UpdateDeviceResponse, Error> {
        let mut faults = Faults::new();
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        let change = faults.take(DeviceChange::try_from(request));
        let (device_id, change) = faults.finish(device_id.zip(change))?;
        let device = self.change_device(caller, device_id, change).await?;
        Ok(pb::UpdateDeviceResponse { device: Some(device.into_proto()) })
    }

    pub(super) async fn deactivate_device(
        &self,
        caller: &OperatorCaller,
        request: pb::DeactivateDeviceRequest,
    ) -> Result<pb::DeactivateDeviceResponse, Error> {
        let change = DeviceChange { active: Some(false), ..DeviceChange::default() };
        let device = self.change_device(caller, DeviceId::parse(&request.device_id)?, change).await?;
        self.registry.inner.shut_out.notify_one();
        Ok(pb::DeactivateDeviceResponse { device: Some(device.into_proto()) })
    }

    pub(super) async fn activate_device(
        &self,
        caller: &OperatorCaller,
        request: pb::ActivateDeviceRequest,
    ) -> Result<pb::ActivateDeviceResponse, Error> {
        let change = DeviceChange { active: Some(true), ..DeviceChange::default() };
        let device = self.change_device(caller, DeviceId::parse(&request.device_id)?, change).await?;
        Ok(pb::ActivateDeviceResponse { device: Some(device.into_proto()) })
    }

    /// The id of a device that was not removed.
    async fn there(&self, caller: &OperatorCaller, device_id: DeviceId) -> Result<DeviceId, Error> {
        let device = self.directory.device_record(caller, device_id).await?;
        match device.removed_at {
            None => Ok(device.device_id),
            Some(_) => Err(Error::new(Kind::Conflict, format!("Device {} was removed", device.device_id))),
        }
    }

    async fn change_device(
        &self,
        caller: &OperatorCaller,
        device_id: DeviceId,
        change: DeviceChange,
    ) -> Result<Device, Error> {
        let device_id = self.there(caller, device_id).await?;
        tracing::info!(%device_id, ?change, "device changed");
        let changed = self
            .registry
            .inner
            .store
            .run("update_device", move |conn| devices::update(conn, &device_id, &change))
            .await?;
        self.registry.presence_changed();
        changed.ok_or_else(|| Error::not_found("Device not found"))
    }

    pub(super) async fn rotate_device_key(
        &self,
        caller: &OperatorCaller,
        request: pb::RotateDeviceKeyRequest,
    ) -> Result<pb::RotateDeviceKeyResponse, Error> {
        let mut faults = Faults::new();
        let overlap = match &request.overlap {
            None => Some(DEFAULT_OVERLAP),
            Some(overlap) => faults.take(from_proto_duration("overlap", overlap)),
        };
        let device_id = faults.take(DeviceId::parse(&request.device_id));
        let (overlap, device_id) = faults.finish(overlap.zip(device_id))?;
        let device_id = self.there(caller, device_id).await?;
        let minted = self.registry.mint(SecretKind::DeviceKey, place_of(&caller.name)).await?;
        let (wanted, key) = (device_id.clone(), minted.kept);
        let rotated = self
            .registry
            .inner
            .store
            .run("rotate_device_key", move |conn| device_keys::rotate(conn, &wanted, &key, overlap))
            .await?;
        let older_end = rotated.ok_or_else(|| Error::not_found("Device not found"))?;
        if overlap.is_zero() {
            // Streams that came with the older keys end at once.
            self.registry.inner.shut_out.notify_one();
        }
        Ok(pb::RotateDeviceKeyResponse {
            device_id: device_id.into(),
            api_key: minted.secret.reveal().to_owned(),
            older_keys_expire_at: Some(to_proto_timestamp(older_end)),
        })
    }

    pub(super) async fn revoke_device_keys(
        &self,
        caller: &OperatorCaller,
        request: pb::RevokeDeviceKeysRequest,
    ) -> Result<pb::RevokeDeviceKeysResponse, Error> {
        let device_id = self.there(caller, DeviceId::parse(&request.device_id)?).await?;
        let revoke = move |conn: &mut _| device_keys::revoke_all(conn, &device_id);
        let revoked = self.registry.inner.store.run("revoke_device_keys", revoke).await?;
        let revoked = revoked.ok_or_else(|| Error::not_found("Device not found"))?;
        self.registry.inner.shut_out.notify_one();
        self.registry.presence_changed();
        Ok(pb::RevokeDeviceKeysResponse { revoked })
    }
}
