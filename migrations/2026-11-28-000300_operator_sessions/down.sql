DROP TABLE sign_in_codes;
DROP TABLE operator_sessions;
