//! Operators and the hashes of their tokens.

pub mod identities;
mod makers;
pub mod sessions;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use homepot::model::{Identity, Operator, OperatorName, Page, PageRequest, Role, SiteId, SiteScope};

pub use self::makers::{Made, Replaced, Revocation, Revoked, make, replace_token, revoke};
pub(crate) use self::makers::{lifetime, reach};
use crate::{
    StoreError,
    locks::{self, Lock},
    paging, row,
    schema::{operators, sites},
    secrets::{Columns, NewSecret, StoredSecret},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = operators)]
struct Row {
    name: String,
    role: String,
    site_ids: Option<Vec<String>>,
    token_id: String,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    made_by: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
}

impl TryFrom<Row> for Operator {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let read = |site_id: &String| row::checked::<SiteId>("operators.site_ids", site_id);
        let scope = match &row.site_ids {
            None => SiteScope::All,
            Some(site_ids) => SiteScope::Only(site_ids.iter().map(read).collect::<Result<_, _>>()?),
        };
        Ok(Self {
            name: row::checked("operators.name", &row.name)?,
            role: row::checked("operators.role", &row.role)?,
            scope,
            token_id: row.token_id,
            identity: row.issuer.zip(row.subject).map(|(issuer, subject)| Identity { issuer, subject }),
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            made_by: row.made_by.map(|name| row::checked("operators.made_by", &name)).transpose()?,
        })
    }
}

/// An operator to make; its token is hashed already.
#[derive(Clone, Debug)]
pub struct NewOperator {
    /// Unique, for ever.
    pub name: OperatorName,
    /// What it may do.
    pub role: Role,
    /// Where.
    pub scope: SiteScope,
    /// Its token.
    pub token: NewSecret,
    /// When its token ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// Who makes it; `None`: the server.
    pub made_by: Option<OperatorName>,
}

/// What came of making an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is made.
    Operator(Operator),
    /// The name is taken, perhaps by one that was revoked.
    NameTaken,
    /// There is no such site.
    SiteMissing(SiteId),
}

/// Makes an operator.
pub fn insert(conn: &mut PgConnection, new: &NewOperator) -> Result<Created, StoreError> {
    if let SiteScope::Only(site_ids) = &new.scope {
        let wanted = site_ids.iter().map(|site_id| site_id.as_str());
        let known: Vec<String> = sites::table
            .filter(sites::site_id.eq_any(wanted))
            .filter(sites::removed_at.is_null())
            .select(sites::site_id)
            .load(conn)?;
        let missing = site_ids.iter().find(|site_id| !known.iter().any(|known| known == site_id.as_str()));
        if let Some(site_id) = missing {
            return Ok(Created::SiteMissing(site_id.clone()));
        }
    }
    let operator: Option<Row> = diesel::insert_into(operators::table)
        .values((
            operators::name.eq(new.name.as_str()),
            operators::role.eq(new.role.as_str()),
            operators::site_ids.eq(new.scope.site_ids()),
            operators::token_id.eq(&new.token.public_id),
            operators::token_hash.eq(&new.token.hash),
            operators::check_tag.eq(Some(new.token.check_tag.as_slice())),
            operators::expires_at.eq(new.expires_at),
            operators::made_by.eq(new.made_by.as_ref().map(OperatorName::as_str)),
        ))
        .on_conflict(operators::name)
        .do_nothing()
        .returning(Row::as_returning())
        .get_result(conn)
        .optional()?;
    Ok(match operator {
        Some(row) => Created::Operator(row.try_into()?),
        None => Created::NameTaken,
    })
}

/// Makes the first operator; false: there are some already, perhaps another replica's.
pub fn insert_first(conn: &mut PgConnection, new: &NewOperator) -> Result<bool, StoreError> {
    conn.transaction(|conn| {
        locks::hold_in_transaction(conn, Lock::Operators)?;
        let any: Option<String> = operators::table.select(operators::name).first(conn).optional()?;
        if any.is_some() {
            return Ok(false);
        }
        Ok(matches!(insert(conn, new)?, Created::Operator(_)))
    })
}

/// What is needed to check a caller that says it is an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The operator.
    pub operator: Operator,
    /// What is kept of its token.
    pub secret: StoredSecret,
    /// Whether the token is neither revoked nor expired, by the database's clock.
    pub is_good: bool,
}

/// The operators whose tokens have these public letters, good or not, each in the place of its letters.
pub fn find_by_tokens(conn: &mut PgConnection, token_ids: &[String]) -> Result<Vec<Option<Credential>>, StoreError> {
    type Found = (Row, Columns, Option<bool>);
    let not_expired = operators::expires_at.is_null().or(operators::expires_at.gt(row::database_time().nullable()));
    let rows: Vec<Found> = operators::table
        .filter(operators::token_id.eq_any(token_ids))
        // Who signs in with an identity provider has no token, whatever an earlier version made of it.
        .filter(operators::subject.is_null())
        .select((Row::as_select(), (operators::token_hash, operators::check_tag), not_expired))
        .load(conn)?;
    let mut found = HashMap::with_capacity(rows.len());
    for (row, secret, not_expired) in rows {
        let operator = Operator::try_from(row)?;
        let is_good = operator.revoked_at.is_none() && not_expired == Some(true);
        let token_id = operator.token_id.clone();
        found.insert(token_id, Credential { operator, secret: StoredSecret::from_columns(secret), is_good });
    }
    Ok(token_ids.iter().map(|token_id| found.get(token_id).cloned()).collect())
}

/// The operator of that name.
pub fn find(conn: &mut PgConnection, name: &OperatorName) -> Result<Option<Operator>, StoreError> {
    operators::table
        .find(name.as_str())
        .select(Row::as_select())
        .first(conn)
        .optional()?
        .map(Operator::try_from)
        .transpose()
}

/// Operators by name, revoked ones too; of `own_of`, only that one and those it made.
pub fn list(
    conn: &mut PgConnection,
    own_of: Option<&OperatorName>,
    page: &PageRequest,
) -> Result<Page<Operator>, StoreError> {
    let mut query = operators::table.select(Row::as_select()).into_boxed();
    if let Some(own_of) = own_of {
        query = query.filter(operators::name.eq_any(makers::with_made(conn, own_of)?));
    }
    if let Some(after) = &page.after {
        query = query.filter(operators::name.gt(after));
    }
    let rows: Vec<Row> = query.order(operators::name).limit(paging::limit(page)).load(conn)?;
    let items = rows.into_iter().map(Operator::try_from).collect::<Result<_, _>>()?;
    let key = |operator: &Operator| operator.name.to_string();
    Ok(Page::cut(items, page.size, key).within_bytes(key))
}
