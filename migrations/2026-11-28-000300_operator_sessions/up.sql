-- People sign in at the web page: sessions, and the one-time codes that open one. Both are new tables, which a server of an
-- earlier version does not look at.

-- A session of an operator. Its secret has 256 random bits, so a plain hash is enough: nobody can try them all.
CREATE TABLE operator_sessions (
    -- The secret's public letters.
    session_id text COLLATE "C" PRIMARY KEY,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    operator text COLLATE "C" NOT NULL REFERENCES operators,
    -- The operator's token that it was made with. Once the operator has another one, the session has ended.
    token_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    used_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX operator_sessions_by_operator ON operator_sessions (operator, created_at, session_id);

-- A code that signs its operator in. Its row goes when it is used.
CREATE TABLE sign_in_codes (
    -- The code's public letters.
    code_id text COLLATE "C" PRIMARY KEY,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    operator text COLLATE "C" NOT NULL REFERENCES operators,
    token_id text COLLATE "C" NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sign_in_codes_by_operator ON sign_in_codes (operator);
