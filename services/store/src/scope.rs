//! What a caller may see, as conditions of queries: the one place where a scope becomes SQL.

use diesel::{
    dsl::{Eq, EqAny, IsContainedBy, IsNull, LeftJoinQuerySource},
    pg::Pg,
    prelude::*,
    query_dsl::methods::FilterDsl,
    sql_types::{Array, Bool, Nullable, Text},
};
use homepot::model::{DeviceSelection, SiteScope};

use crate::schema::{devices, variable_values};

/// Narrows a boxed query to the sites of a scope; `site_id` is the column with the site of a row.
pub(crate) fn within<Q, C>(query: Q, site_id: C, scope: &SiteScope) -> Q
where
    C: ExpressionMethods + Expression<SqlType = Text>,
    Q: FilterDsl<EqAny<C, Vec<String>>, Output = Q>,
{
    match scope.site_ids() {
        Some(site_ids) => FilterDsl::filter(query, site_id.eq_any(site_ids)),
        None => query,
    }
}

/// Narrows a boxed query to rows that reach no site outside of a scope; `site_ids` is the column with the sites of a row.
pub(crate) fn reaching_only<Q, C>(query: Q, site_ids: C, scope: &SiteScope) -> Q
where
    C: PgArrayExpressionMethods + Expression<SqlType = Array<Text>>,
    Q: FilterDsl<IsContainedBy<C, Vec<String>>, Output = Q>,
{
    match scope.site_ids() {
        Some(sites) => FilterDsl::filter(query, site_ids.is_contained_by(sites)),
        None => query,
    }
}

/// A condition on values that are joined with the devices they are of.
pub(crate) type ValueCondition = Box<
    dyn BoxableExpression<LeftJoinQuerySource<variable_values::table, devices::table>, Pg, SqlType = Nullable<Bool>>,
>;

/// That a value is of the whole fleet or a label, or of a site of the scope or a device there; `None`: all are within.
pub(crate) fn values_within(scope: &SiteScope) -> Option<ValueCondition> {
    let sites = scope.site_ids()?;
    let of_all = variable_values::scope.eq_any(["fleet", "label"]);
    let of_site = variable_values::site_id.eq_any(sites.clone());
    Some(Box::new(of_all.nullable().or(of_site).or(devices::site_id.nullable().eq_any(sites))))
}

/// Narrows a boxed query over `devices` to a selection. A device that was removed is only in one that names it.
pub(crate) fn selected<Q>(query: Q, selection: &DeviceSelection) -> Q
where
    Q: FilterDsl<EqAny<devices::site_id, Vec<String>>, Output = Q>
        + FilterDsl<EqAny<devices::device_id, Vec<String>>, Output = Q>
        + FilterDsl<Eq<devices::site_id, String>, Output = Q>
        + FilterDsl<Eq<devices::source, &'static str>, Output = Q>
        + FilterDsl<IsNull<devices::removed_at>, Output = Q>,
{
    let mut query = within(query, devices::site_id, &selection.scope);
    if let Some(site_id) = &selection.site_id {
        query = FilterDsl::filter(query, devices::site_id.eq(site_id.to_string()));
    }
    if let Some(source) = selection.source {
        query = FilterDsl::filter(query, devices::source.eq(source.as_str()));
    }
    if selection.device_ids.is_empty() {
        query = FilterDsl::filter(query, devices::removed_at.is_null());
    } else {
        let device_ids: Vec<_> = selection.device_ids.iter().map(ToString::to_string).collect();
        query = FilterDsl::filter(query, devices::device_id.eq_any(device_ids));
    }
    query
}
