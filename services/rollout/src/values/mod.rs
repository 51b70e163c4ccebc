//! Values of variables: operators set them, and rollouts settle what each device gets.

mod seal;
mod service;
mod settle;

use std::collections::BTreeMap;

use homepot::{
    Error, Kind,
    model::{DesiredRelease, Page, PageRequest, Secret, SiteScope, ValueScope, VariableName, VariableValue},
    pb::{device::v1 as device_pb, rollout::v1::value_service_server::ValueServiceServer},
};
use homepot_runtime::auth::OperatorCaller;
use homepot_store::values::{self as rows, Content, Owner, ValueFilter};

use self::{seal::Purpose, service::Service};
pub(crate) use self::{seal::Seals, settle::Settler};
use crate::{MAX_ANSWER_BYTES, MAX_REQUEST_BYTES, Rollouts};

impl Rollouts {
    /// The operators' face of values.
    pub fn value_service(&self) -> ValueServiceServer<Service> {
        ValueServiceServer::new(Service::new(self.clone()))
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_ANSWER_BYTES)
    }

    /// Sets a value.
    pub(crate) async fn set_value(
        &self,
        caller: &OperatorCaller,
        variable: VariableName,
        scope: ValueScope,
        value: Secret,
        is_secret: bool,
    ) -> Result<VariableValue, Error> {
        let owner = self.owner(caller, scope).await?;
        let content = if is_secret {
            let purpose = Purpose::Value { scope: owner.scope(), owner: owner.key(), variable: variable.as_str() };
            Content::Sealed(self.seals.seal(purpose, value.reveal().as_bytes())?)
        } else {
            Content::Clear(value.reveal().to_owned())
        };
        let name = caller.name.to_string();
        Ok(self.store.run("set_value", move |conn| rows::set(conn, &variable, &owner, &content, &name)).await?)
    }

    /// Deletes a value.
    pub(crate) async fn delete_value(
        &self,
        caller: &OperatorCaller,
        variable: VariableName,
        scope: ValueScope,
    ) -> Result<(), Error> {
        let owner = self.owner(caller, scope.clone()).await?;
        let told = format!("{scope} has no value of {variable}");
        let found = self.store.run("delete_value", move |conn| rows::delete(conn, &variable, &owner)).await?;
        if found { Ok(()) } else { Err(Error::not_found(told)) }
    }

    /// The values that the caller may see.
    pub(crate) async fn list_values(
        &self,
        caller: &OperatorCaller,
        variable: Option<VariableName>,
        scope: Option<ValueScope>,
        page: PageRequest,
    ) -> Result<Page<VariableValue>, Error> {
        match &scope {
            Some(ValueScope::Site(id)) => drop(self.directory.site(caller, id.clone()).await?),
            Some(ValueScope::Device(id)) => drop(self.directory.device(caller, id.clone()).await?),
            Some(ValueScope::Fleet | ValueScope::Label(_)) | None => {}
        }
        let filter = ValueFilter { within: caller.scope.clone(), variable, scope };
        Ok(self.store.run("list_values", move |conn| rows::list(conn, &filter, &page)).await?)
    }

    /// Whose value the caller may change.
    async fn owner(&self, caller: &OperatorCaller, scope: ValueScope) -> Result<Owner, Error> {
        match scope {
            ValueScope::Site(id) => Ok(Owner::site(&self.directory.site(caller, id).await?.site_id)),
            ValueScope::Device(id) => Ok(Owner::device(self.directory.device(caller, id).await?.pk)),
            of_all @ (ValueScope::Fleet | ValueScope::Label(_)) => {
                if caller.role != homepot::model::Role::Admin || caller.scope != SiteScope::All {
                    let told = "values of the fleet and of labels are set by admins that are bound to no site";
                    return Err(Error::new(Kind::Forbidden, told));
                }
                caller.check_fresh()?;
                Ok(match of_all {
                    ValueScope::Label(label) => Owner::label(&label),
                    _ => Owner::fleet(),
                })
            }
        }
    }

    /// The values that a device is told with a release; `None`: they can't be opened, and the device must not go on without them.
    pub(crate) fn told_values(&self, pk: i64, desired: &DesiredRelease) -> Option<Vec<device_pb::DesiredValue>> {
        let Some(sealed) = &desired.sealed_values else { return Some(Vec::new()) };
        let purpose = Purpose::Told { device: pk, release: desired.release_id.0 };
        let texts: Option<BTreeMap<String, String>> =
            self.seals.open(purpose, sealed).and_then(|clear| serde_json::from_slice(&clear).ok());
        if texts.is_none() {
            tracing::error!(device = pk, release_id = %desired.release_id,
                "the values of a device were sealed under another secret of the server; start a rollout for it again");
        }
        let value = |(variable, value)| device_pb::DesiredValue { variable, value };
        texts.map(|texts| texts.into_iter().map(value).collect())
    }
}
