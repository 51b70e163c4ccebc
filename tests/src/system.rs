//! What every system shows, whoever runs it: its addresses, an admin's token, and what can be asked with them.

use std::path::PathBuf;

use homepot::pb::{device::v1 as device_pb, registry::v1 as pb};

use crate::{
    Database,
    grpc::{Caller, Clients, DeviceKey},
    rest::{Request, Response},
};

/// A system by its public face. Helpers of tests take this one; a test gets it from [`crate::Server`] or [`crate::AnySystem`].
#[derive(Debug)]
pub struct System {
    /// `host:port` of the gRPC services.
    pub grpc_addr: String,
    /// `host:port` of REST.
    pub rest_addr: String,
    /// The token of the first admin.
    pub admin_token: String,
    /// Where a balancer stands before devices alone.
    pub(crate) device_addr: Option<String>,
    /// Above the files of its Postgres.
    pub(crate) cluster: PathBuf,
}

impl System {
    /// `host:port` that devices are told.
    pub fn device_addr(&self) -> &str {
        self.device_addr.as_ref().unwrap_or(&self.grpc_addr)
    }

    /// gRPC clients on behalf of `caller`.
    pub fn clients(&self, caller: &Caller) -> Clients {
        Clients { device: Clients::new(self.device_addr(), caller).device, ..Clients::new(&self.grpc_addr, caller) }
    }

    /// gRPC clients of the first admin.
    pub fn admin(&self) -> Clients {
        self.clients(&Caller::Operator(self.admin_token.clone()))
    }

    /// Sends a request to the REST gateway.
    pub async fn rest(&self, request: Request) -> Response {
        request.send(&self.rest_addr).await
    }

    /// A look into Postgres.
    pub fn database(&self) -> Database {
        Database::of(&self.cluster)
    }

    /// Makes a site.
    pub async fn create_site(&self, site_id: &str, open_enrollment: bool) {
        let request = pb::CreateSiteRequest {
            site_id: site_id.to_owned(),
            name: format!("Site {site_id}"),
            open_enrollment,
            ..Default::default()
        };
        self.admin().registry.create_site(request).await.expect("the admin may make a site");
    }

    /// Makes a token that enrols one device at a site.
    pub async fn enrollment_token(&self, site_id: &str) -> String {
        let request = pb::CreateEnrollmentTokenRequest { site_id: site_id.to_owned(), ..Default::default() };
        let answer = self.admin().registry.create_enrollment_token(request).await;
        answer.expect("the admin may make an enrolment token").into_inner().secret
    }

    /// Enrols a device at a site that exists.
    pub async fn enroll(&self, site_id: &str, device_id: &str) -> DeviceKey {
        let token = self.enrollment_token(site_id).await;
        self.enroll_with(&token, site_id, device_id).await
    }

    /// Enrols a device with a token that another process may have made.
    pub async fn enroll_with(&self, token: &str, site_id: &str, device_id: &str) -> DeviceKey {
        let request = device_pb::EnrollRequest {
            site_id: site_id.to_owned(),
            device_id: device_id.to_owned(),
            name: format!("Device {device_id}"),
            ..Default::default()
        };
        let answer = self.clients(&Caller::Enrollee(token.to_owned())).device.enroll(request).await;
        let answer = answer.expect("a good token enrols").into_inner();
        DeviceKey { device_id: answer.device_id, api_key: answer.api_key }
    }

    /// Makes an operator; answers its token. No sites: every site.
    pub async fn create_operator(&self, name: &str, role: pb::Role, sites: &[&str]) -> String {
        let request = pb::CreateOperatorRequest {
            name: name.to_owned(),
            role: role.into(),
            site_ids: sites.iter().map(|site| (*site).to_owned()).collect(),
            ..Default::default()
        };
        let answer = self.admin().registry.create_operator(request).await;
        answer.expect("the admin may make an operator").into_inner().token
    }
}
