//! Devices and sites by name, as far as the caller may see them. What it may not see is not there.

use homepot::{
    Error,
    model::{DeviceId, SiteId},
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::{error_groups::ErrorDevice, sites};

use crate::Analytics;

impl Analytics {
    pub(crate) async fn device(&self, caller: &OperatorCaller, device_id: DeviceId) -> Result<ErrorDevice, Error> {
        let found = self.devices.run(device_id).await?;
        let visible = found.filter(|device| caller.scope.allows(&device.site_id));
        visible.ok_or_else(|| Error::not_found("Device not found"))
    }

    pub(crate) async fn check_site(&self, caller: &OperatorCaller, site_id: &SiteId) -> Result<(), Error> {
        let wanted = site_id.clone();
        let found = self.store.run("find_site", move |conn| sites::find(conn, &wanted)).await?;
        match found.filter(|_| caller.scope.allows(site_id)) {
            Some(_) => Ok(()),
            None => Err(Error::not_found(format!("Site {site_id} not found"))),
        }
    }
}
