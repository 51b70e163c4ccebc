//! `ValueService`: reads requests and passes them on.

use homepot::{
    Error,
    model::{Faults, PageRequest, Secret, ValueScope, VariableName},
    pb::rollout::v1::{self as pb, value_service_server::ValueService},
};
use homepot_operator_api::operator_service;
use homepot_runtime::auth::OperatorCaller;

use crate::Rollouts;

/// The operators' face of values.
#[derive(Clone)]
pub struct Service {
    rollouts: Rollouts,
}

impl Service {
    pub(crate) fn new(rollouts: Rollouts) -> Self {
        Self { rollouts }
    }

    async fn set_value(
        &self,
        caller: &OperatorCaller,
        request: pb::SetValueRequest,
    ) -> Result<pb::SetValueResponse, Error> {
        let pb::SetValueRequest { variable, fleet, label, site_id, device_id, value, secret } = request;
        let value = Secret::presented(value);
        let mut faults = Faults::new();
        let variable = faults.take(VariableName::parse(&variable));
        let scope = faults.take(ValueScope::read_required(fleet, &label, &site_id, &device_id));
        let (variable, scope) = faults.finish(variable.zip(scope))?;
        let set = self.rollouts.set_value(caller, variable, scope, value, secret).await?;
        Ok(pb::SetValueResponse { value: Some(set.into()) })
    }

    async fn list_values(
        &self,
        caller: &OperatorCaller,
        request: pb::ListValuesRequest,
    ) -> Result<pb::ListValuesResponse, Error> {
        let pb::ListValuesRequest { variable, fleet, label, site_id, device_id, page_size, page_token } = request;
        let mut faults = Faults::new();
        let page = faults.take(PageRequest::parse(page_size, &page_token));
        let scope = faults.take(ValueScope::read(fleet, &label, &site_id, &device_id));
        let variable = Some(variable).filter(|name| !name.is_empty());
        let variable = faults.take(variable.map(|name| VariableName::parse(&name)).transpose());
        let ((page, scope), variable) = faults.finish(page.zip(scope).zip(variable))?;
        let values = self.rollouts.list_values(caller, variable, scope, page).await?;
        let (values, next_page_token) = values.into_answer(Into::into);
        Ok(pb::ListValuesResponse { values, next_page_token })
    }

    async fn delete_value(
        &self,
        caller: &OperatorCaller,
        request: pb::DeleteValueRequest,
    ) -> Result<pb::DeleteValueResponse, Error> {
        let pb::DeleteValueRequest { variable, fleet, label, site_id, device_id } = request;
        let mut faults = Faults::new();
        let variable = faults.take(VariableName::parse(&variable));
        let scope = faults.take(ValueScope::read_required(fleet, &label, &site_id, &device_id));
        let (variable, scope) = faults.finish(variable.zip(scope))?;
        self.rollouts.delete_value(caller, variable, scope).await?;
        Ok(pb::DeleteValueResponse {})
    }
}

operator_service! {
    impl ValueService for Service, with messages of pb;
    unary {
        set_value(SetValueRequest) -> SetValueResponse;
        list_values(ListValuesRequest) -> ListValuesResponse;
        delete_value(DeleteValueRequest) -> DeleteValueResponse;
    }
    streams {}
}
