//! Servers as database users that may change rows and nothing else.

use chrono::{Days, SubsecRound, Utc};
use diesel::{QueryableByName, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::Text};
use homepot::model::Sample;
use homepot_store::{
    PgConnection, Store, StoreConfig, StoreError,
    horizon::{holder, horizon},
    maintenance::{self, Retention},
    samples::{self, Expected, NewSample},
    test_support::TestDatabase,
};

use crate::fixture::*;

/// A database whose schema belongs to `keeper`, with users who have no right at all yet. Users are the whole cluster's, so their
/// names have the database's in them.
struct Kept {
    database: TestDatabase,
    keeper: String,
}

impl Kept {
    async fn new() -> Self {
        let database = TestDatabase::empty().await;
        let kept = Self { keeper: format!("keeper of {}", database.name()), database };
        kept.make_user(&kept.keeper);
        let (name, keeper) = (kept.database.name(), &kept.keeper);
        let statement = format!(
            "REVOKE ALL ON DATABASE {name} FROM PUBLIC; REVOKE ALL ON SCHEMA public FROM PUBLIC;
            ALTER DATABASE {name} OWNER TO \"{keeper}\"; GRANT ALL ON SCHEMA public TO \"{keeper}\";
            GRANT pg_read_all_stats TO \"{keeper}\""
        );
        kept.database.connect().batch_execute(&statement).unwrap();
        kept
    }

    fn make_user(&self, user: &str) {
        let statement = format!("CREATE ROLE {} LOGIN", quoted(user));
        self.database.connect().batch_execute(&statement).unwrap();
    }

    fn user(&self, name: &str) -> String {
        let user = format!("{name} of {}", self.database.name());
        self.make_user(&user);
        user
    }

    /// Migrates as the keeper, with these users to be given rights.
    async fn migrate(&self, users: &[&str]) -> Result<(), StoreError> {
        let address = format!("{}&options=-c%20role%3D{}", self.database.url(), self.keeper.replace(' ', "%5C%20"));
        let config = StoreConfig {
            threads: 1,
            database_users: users.iter().map(|user| (*user).to_owned()).collect(),
            ..StoreConfig::new(address)
        };
        Store::open(config).await.unwrap().migrate().await.map(drop)
    }

    /// A connection with the rights of `user`.
    fn connect(&self, user: &str) -> PgConnection {
        let mut conn = self.database.connect();
        conn.batch_execute(&format!("SET SESSION AUTHORIZATION {}", quoted(user))).unwrap();
        conn
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn refusal(conn: &mut PgConnection, statement: &str) -> String {
    conn.batch_execute(statement).unwrap_err().to_string()
}

#[derive(QueryableByName)]
struct Owner {
    #[diesel(sql_type = Text)]
    owner: String,
}

#[tokio::test]
async fn a_user_without_a_right_to_make_tables_makes_and_drops_partitions_and_stores_into_them() {
    let kept = Kept::new().await;
    let server = kept.user("a \"server's\" user, who is odd; DROP TABLE sites; --");
    kept.migrate(&[&server]).await.unwrap();
    let mut conn = kept.connect(&server);
    for forbidden in ["CREATE TABLE t (a int)", "CREATE TEMP TABLE t (a int)", "DROP TABLE samples", "TRUNCATE samples"]
    {
        let told = refusal(&mut conn, forbidden);
        assert!(told.contains("permission denied") || told.contains("must be owner"), "{forbidden}: {told}");
    }
    let device = enrolled(&mut conn, "d", "s");
    let start = Utc::now().trunc_subsecs(6);
    let retention = Retention::default();
    let (mut made, mut dropped) = (0, 0);
    for day in 0..20 {
        let now = start + Days::new(day);
        let sample = NewSample { device: device.pk, sample: Sample { cpu_percent: Some(1.0), ..Sample::empty(now) } };
        // The first write of a day whose partition nobody made yet makes it.
        assert_eq!(samples::write(&mut conn, &[sample], now, Expected::New).unwrap(), 1);
        let report = maintenance::run_at(&mut conn, now, &retention).unwrap().unwrap();
        made += report.made;
        dropped += report.dropped.len();
    }
    assert!(made > 20 && dropped > 5, "{made} made, {dropped} dropped");
    sql_query("SELECT probe_new_table()").execute(&mut conn).unwrap();
    horizon(&mut conn).unwrap();
    holder(&mut conn).unwrap();
    let owners = "SELECT DISTINCT pg_get_userbyid(relowner)::text AS owner FROM pg_class
        WHERE relnamespace = 'public'::regnamespace";
    let owners: Vec<Owner> = sql_query(owners).load(&mut conn).unwrap();
    assert_eq!(owners.iter().map(|row| &row.owner).collect::<Vec<_>>(), [&kept.keeper]);
}

#[tokio::test]
async fn its_functions_make_and_drop_nothing_but_partitions_of_ours() {
    let kept = Kept::new().await;
    let (server, stranger) = (kept.user("server"), kept.user("stranger"));
    kept.migrate(&[&server]).await.unwrap();
    let mut conn = kept.connect(&server);
    for forbidden in [
        "SELECT make_partitions('sites', current_date, current_date)",
        "SELECT make_partitions('samples; DROP TABLE sites', current_date, current_date)",
        "SELECT make_partitions('samples', current_date, current_date + 400)",
        "SELECT make_partitions('samples', '1066-10-14', '1066-10-14')",
        "SELECT drop_partition('sites', 'sites')",
        "SELECT drop_partition('samples', 'samples')",
        "SELECT drop_partition('samples', 'sites')",
        "SELECT drop_partition('samples', 'rollup_1h' || to_char(date_trunc('month', now()), '_YYYYMMDD'))",
        "SELECT drop_partition('samples', 'samples_20000101')",
    ] {
        let told = refusal(&mut conn, forbidden);
        assert!(told.contains("is no partition of") || told.contains("has no partitions from"), "{forbidden}: {told}");
    }
    // What stands in its way finds Postgres' own functions all the same.
    kept.database
        .connect()
        .batch_execute(
            "CREATE FUNCTION format(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'pg_class' $$;
            CREATE FUNCTION to_char(date, text) RETURNS text LANGUAGE sql AS $$ SELECT 'elsewhere' $$",
        )
        .unwrap();
    conn.batch_execute("SELECT make_partitions('samples', current_date + 40, current_date + 40)").unwrap();
    conn.batch_execute(
        "SELECT drop_partition('samples', 'samples_' || pg_catalog.to_char(current_date + 40, 'YYYYMMDD'))",
    )
    .unwrap();
    // A dump that is restored without rights gives all functions to everybody, until the next migration.
    kept.connect(&kept.keeper).batch_execute("GRANT EXECUTE ON FUNCTION watch_horizon() TO PUBLIC").unwrap();
    kept.migrate(&[]).await.unwrap();
    let sight = format!("GRANT USAGE ON SCHEMA public TO {}", quoted(&stranger));
    kept.database.connect().batch_execute(&sight).unwrap();
    let mut conn = kept.connect(&stranger);
    for forbidden in ["make_partitions('samples', current_date, current_date)", "probe_new_table()", "watch_horizon()"]
    {
        assert!(refusal(&mut conn, &format!("SELECT {forbidden}")).contains("permission denied"), "{forbidden}");
    }
}

#[tokio::test]
async fn a_migration_says_which_user_is_missing_and_who_may_not_migrate() {
    let kept = Kept::new().await;
    let told = kept.migrate(&["nobody's"]).await.unwrap_err().to_string();
    assert!(told.contains("no user nobody's") && told.contains("CREATE ROLE \"nobody's\" LOGIN"), "{told}");
    let server = kept.user("server");
    kept.migrate(&[&server]).await.unwrap();
    kept.migrate(&[&server]).await.unwrap();
    // A table of a later version has the rights of the others after the next migration.
    let mut conn = kept.connect(&kept.keeper);
    conn.batch_execute("CREATE TABLE later (a int)").unwrap();
    assert!(refusal(&mut kept.connect(&server), "SELECT FROM later").contains("permission denied"));
    kept.migrate(&[&server]).await.unwrap();
    kept.connect(&server).batch_execute("INSERT INTO later VALUES (1)").unwrap();

    // What the migrating user may not give, somebody else has to.
    let name = kept.database.name();
    let other = kept.user("another server");
    kept.database.connect().batch_execute(&format!("ALTER DATABASE {name} OWNER TO homepot")).unwrap();
    let told = kept.migrate(&[&other]).await.unwrap_err().to_string();
    assert!(told.contains("may not give") && told.contains(&format!("GRANT CONNECT ON DATABASE {name} TO")), "{told}");

    kept.database
        .connect()
        .batch_execute(&format!("REVOKE CREATE ON SCHEMA public FROM {}", quoted(&kept.keeper)))
        .unwrap();
    let told = kept.migrate(&[]).await.unwrap_err().to_string();
    assert!(told.contains("may not make tables") && told.contains("HOMEPOT_MIGRATIONS=wait"), "{told}");
}

#[tokio::test]
async fn a_migration_says_which_grant_its_user_needs_to_see_the_others() {
    let kept = Kept::new().await;
    let server = kept.user("server");
    let mut conn = kept.database.connect();
    let (keeper, quoted_server) = (quoted(&kept.keeper), quoted(&server));
    conn.batch_execute(&format!("REVOKE pg_read_all_stats FROM {keeper}")).unwrap();
    let told = kept.migrate(&[&server]).await.unwrap_err().to_string();
    assert!(told.contains(&format!("GRANT pg_read_all_stats TO {keeper};")) && told.contains(&server), "{told}");
    // The rights are there all the same, and whoever is a member of the user sees its transactions too.
    kept.connect(&server).batch_execute("SELECT FROM samples").unwrap();
    conn.batch_execute(&format!("GRANT {quoted_server} TO {keeper}; GRANT homepot TO {keeper}")).unwrap();
    kept.migrate(&[&server]).await.unwrap();
}
