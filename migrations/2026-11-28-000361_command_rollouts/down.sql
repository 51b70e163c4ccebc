DROP TABLE command_rollouts;
