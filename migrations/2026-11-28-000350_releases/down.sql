DROP TABLE rollout_devices, rollouts, device_updates, release_files, releases, artifact_parts, artifacts, trust_roots;
