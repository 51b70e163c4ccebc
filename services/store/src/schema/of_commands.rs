//! Commands: those under way, those that have ended, and the view of both.

macro_rules! commands {
    ($name:ident ($($key:ident),+) $($filed:tt)*) => {
        diesel::table! {
            $name ($($key),+) {
                command_id -> Uuid,
                device -> BigInt,
                command_type -> Text,
                payload -> Nullable<Jsonb>,
                state -> Text,
                reason -> Nullable<Text>,
                result -> Nullable<Jsonb>,
                created_by -> Text,
                idempotency_key -> Nullable<Text>,
                safe_to_repeat -> Bool,
                deliveries -> Integer,
                run_timeout_ms -> Integer,
                session_epoch -> Nullable<BigInt>,
                created_at -> Timestamptz,
                expires_at -> Timestamptz,
                sent_at -> Nullable<Timestamptz>,
                acknowledged_at -> Nullable<Timestamptz>,
                started_at -> Nullable<Timestamptz>,
                finished_at -> Nullable<Timestamptz>,
                run_id -> Nullable<Uuid>,
                journal_id -> Nullable<Text>,
                handed_on -> Bool,
                cancel_requested_at -> Nullable<Timestamptz>,
                cancel_cause -> Nullable<Text>,
                cancel_told -> Nullable<BigInt>,
                history -> Jsonb,
                changed_at -> Timestamptz,
                requested_type -> Nullable<Text>,
                $($filed)*
            }
        }
    };
}
commands!(commands(command_id));
commands!(commands_ended (command_id, filed_at) filed_at -> Timestamptz,);
commands!(ledger (command_id) filed_at -> Timestamptz,);
