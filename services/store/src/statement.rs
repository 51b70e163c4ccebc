//! Statements whose parameters have names, above all those that take many rows at once as an array a column: a column's
//! name, type and values stand beside each other, and the order in which Postgres gets them follows from that.

use std::marker::PhantomData;

use diesel::{
    PgConnection, QueryResult, RunQueryDsl,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    result::Error,
    serialize::ToSql,
    sql_types::{Array, HasSqlType, Untyped},
};

/// A statement with what it is given. Its text names its parameters in braces:
///
/// - `{columns}`: the names of the columns, separated by commas;
/// - `{arrays}`: the arrays of their values in the same order, as `unnest` takes them;
/// - any other name: the value, or the one array, of that name; as often as the text likes.
///
/// ```sql
/// INSERT INTO tills ({columns}) SELECT * FROM unnest({arrays})
/// UPDATE tills t SET level = new.level FROM unnest({arrays}) AS new ({columns}) WHERE t.device = new.device
/// ```
pub(crate) struct Statement<'a> {
    sql: &'a str,
    is_prepared: bool,
    columns: Vec<Parameter<'a>>,
    values: Vec<Parameter<'a>>,
}

struct Parameter<'a> {
    name: &'static str,
    value: Box<dyn Bind + 'a>,
}

/// A value with its SQL type.
trait Bind {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

struct Typed<T, V>(V, PhantomData<T>);

impl<T, V> Bind for Typed<T, V>
where
    Pg: HasSqlType<T>,
    V: ToSql<T, Pg>,
{
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<T, V>(&self.0)
    }
}

impl<'a> Statement<'a> {
    /// A statement that Postgres plans each time it runs, by the number of rows that it gets.
    pub(crate) fn new(sql: &'a str) -> Self {
        Self { sql, is_prepared: false, columns: Vec::new(), values: Vec::new() }
    }

    /// A statement that is prepared once a connection: for what runs all the time, and takes longer to plan than to run.
    pub(crate) fn prepared(sql: &'a str) -> Self {
        Self { is_prepared: true, ..Self::new(sql) }
    }

    /// A column of the rows, of SQL type `T`: a value a row, in the same order in each column.
    pub(crate) fn column<T, V>(mut self, name: &'static str, values: impl IntoIterator<Item = V>) -> Self
    where
        T: 'static,
        V: 'a,
        Pg: HasSqlType<Array<T>>,
        Vec<V>: ToSql<Array<T>, Pg>,
    {
        let values: Vec<V> = values.into_iter().collect();
        self.columns.push(Parameter { name, value: Box::new(Typed::<Array<T>, _>(values, PhantomData)) });
        self
    }

    /// A single value of SQL type `T`.
    pub(crate) fn value<T, V>(mut self, name: &'static str, value: V) -> Self
    where
        T: 'static,
        V: ToSql<T, Pg> + 'a,
        Pg: HasSqlType<T>,
    {
        self.values.push(Parameter { name, value: Box::new(Typed::<T, _>(value, PhantomData)) });
        self
    }
}

/// Pushes parameters; one that was pushed before only by its number.
struct Pusher<'c, 'o, 'b> {
    out: AstPass<'o, 'b, Pg>,
    pushed: Vec<&'c str>,
}

impl<'b> Pusher<'b, '_, 'b> {
    fn push(&mut self, parameter: &'b Parameter<'_>) -> QueryResult<()> {
        if let Some(place) = self.pushed.iter().position(|name| *name == parameter.name) {
            self.out.push_sql(&format!("${}", place + 1));
            return Ok(());
        }
        self.pushed.push(parameter.name);
        parameter.value.push(&mut self.out)
    }
}

impl QueryFragment<Pg> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        if !self.is_prepared {
            out.unsafe_to_cache_prepared();
        }
        let mut out = Pusher { out, pushed: Vec::new() };
        let mut parts = self.sql.split(['{', '}']);
        out.out.push_sql(parts.next().unwrap_or_default());
        while let (Some(name), Some(text)) = (parts.next(), parts.next()) {
            match name {
                "columns" => out.out.push_sql(&separated(&self.columns)),
                "arrays" => {
                    for (place, column) in self.columns.iter().enumerate() {
                        out.out.push_sql(if place == 0 { "" } else { ", " });
                        out.push(column)?;
                    }
                }
                name => {
                    let given = self.columns.iter().chain(&self.values).find(|parameter| parameter.name == name);
                    out.push(given.ok_or_else(|| fault(format!("'{name}' was not given to the statement")))?)?;
                }
            }
            out.out.push_sql(text);
        }
        match self.columns.iter().chain(&self.values).find(|given| !out.pushed.contains(&given.name)) {
            Some(Parameter { name, .. }) => Err(fault(format!("the statement has no place for '{name}'"))),
            None => Ok(()),
        }
    }
}

fn separated(columns: &[Parameter<'_>]) -> String {
    columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ")
}

fn fault(message: String) -> Error {
    Error::QueryBuilderError(message.into())
}

/// Known by its text, which is the same each time.
impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

/// Rows that it answers are read by the names of their columns.
impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<PgConnection> for Statement<'_> {}

#[cfg(test)]
mod tests {
    use diesel::{
        debug_query,
        sql_types::{BigInt, Nullable, Text},
    };

    use super::*;

    fn told(statement: &Statement<'_>) -> String {
        debug_query::<Pg, _>(statement).to_string()
    }

    #[test]
    fn columns_and_their_arrays_stand_in_the_same_order_and_a_name_that_comes_twice_is_one_parameter() {
        let statement = Statement::new(
            "UPDATE t SET at = {now} FROM unnest({arrays}) AS r ({columns}) WHERE t.k = ANY ({key}) AND {now} > 0",
        )
        .column::<BigInt, _>("key", [1_i64, 2])
        .column::<Nullable<Text>, _>("name", [Some("a"), None])
        .value::<BigInt, _>("now", 7_i64);
        assert_eq!(
            told(&statement),
            "UPDATE t SET at = $1 FROM unnest($2, $3) AS r (key, name) WHERE t.k = ANY ($2) AND $1 > 0 \
             -- binds: [7, [1, 2], [Some(\"a\"), None]]"
        );
    }

    #[test]
    fn what_was_not_given_and_what_has_no_place_is_refused_by_name() {
        let sql = |statement: Statement<'_>| {
            let mut built = <Pg as diesel::backend::Backend>::QueryBuilder::default();
            statement.to_sql(&mut built, &Pg).unwrap_err().to_string()
        };
        assert_eq!(sql(Statement::new("SELECT {when}")), "'when' was not given to the statement");
        let idle = Statement::new("SELECT 1").value::<BigInt, _>("when", 1_i64);
        assert_eq!(sql(idle), "the statement has no place for 'when'");
    }

    #[test]
    fn only_what_is_to_be_prepared_is_kept_by_connections() {
        assert!(Statement::prepared("SELECT 1").is_safe_to_cache_prepared(&Pg).unwrap());
        assert!(!Statement::new("SELECT 1").is_safe_to_cache_prepared(&Pg).unwrap());
    }
}
