//! Which database this is: whether two addresses lead to the same one.

use diesel::{
    PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use crate::StoreError;

#[derive(QueryableByName)]
struct Flag {
    #[diesel(sql_type = Bool)]
    flag: bool,
}

/// What tells a database from its copies. A standby that took over from its primary has all of it.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Identity {
    /// The cluster; 0 where this user may not ask.
    #[diesel(sql_type = BigInt)]
    pub(crate) system_identifier: i64,
    /// A table of ours, whose number a dump that is restored does not keep.
    #[diesel(sql_type = BigInt)]
    pub(crate) own_oid: i64,
    #[diesel(sql_type = BigInt)]
    database: i64,
    /// When its first migration ran. It tells clusters apart that were made by the same steps, where nobody may ask for more.
    #[diesel(sql_type = Nullable<Text>)]
    begun: Option<String>,
}

impl Identity {
    /// That of a migrated database.
    pub(crate) fn read(conn: &mut PgConnection) -> Result<Self, StoreError> {
        // Asked apart: a function that may not be called fails the whole statement, even where it would not be reached.
        let may_ask: Flag =
            sql_query("SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS flag").get_result(conn)?;
        let system = if may_ask.flag { "(SELECT system_identifier FROM pg_control_system())" } else { "0::bigint" };
        let query = format!(
            "SELECT {system} AS system_identifier, 'database_identity'::regclass::oid::bigint AS own_oid,
                (SELECT oid::bigint FROM pg_database WHERE datname = current_database()) AS database,
                (SELECT min(run_on)::text FROM __diesel_schema_migrations) AS begun"
        );
        Ok(sql_query(query).get_result(conn)?)
    }

    /// Whether both are of one database, as far as their users may know.
    pub(crate) fn is_of(&self, other: &Self) -> bool {
        let blind = self.system_identifier == 0 || other.system_identifier == 0;
        (blind || self.system_identifier == other.system_identifier)
            && (self.own_oid, self.database, &self.begun) == (other.own_oid, other.database, &other.begun)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_counts_where_both_users_may_know_it() {
        let one = Identity { system_identifier: 7, own_oid: 16_384, database: 5, begun: Some("then".to_owned()) };
        let blind = Identity { system_identifier: 0, ..one.clone() };
        assert!(one.is_of(&one) && one.is_of(&blind) && blind.is_of(&one));
        for other in [
            Identity { system_identifier: 8, ..one.clone() },
            Identity { own_oid: 16_385, ..one.clone() },
            Identity { database: 6, ..blind.clone() },
            Identity { begun: Some("later".to_owned()), ..blind },
        ] {
            assert!(!one.is_of(&other), "{other:?}");
        }
    }
}
