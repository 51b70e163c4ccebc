//! Makes the files that go into targets, and asks the validators about them. No target is touched.

use std::io;

use homepot_release::{CheckedValues, Digest, render};

use super::{
    apply::Ready,
    disk::{Attributes, Dir, Disk},
    engine::{Step, Updater},
    journal::{Job, JobFile, Phase},
    report::Action,
    runner::Runner,
    store::BUFFER_BYTES,
};
use crate::commands::builtin::ProgramRule;

/// What the names of rendered files begin with.
const STAGED: &str = "staged-";
/// What is replaced by the path of the new file in the arguments of a validator.
const FILE: &str = "{file}";

impl<D: Disk, R: Runner> Updater<D, R> {
    /// All artifacts are there: makes the files ready, and asks for the word to put them in place.
    pub(super) fn stage(&mut self) {
        let Some(job) = self.job().cloned() else { return };
        let staged = self.make_ready(&job).and_then(|ready| self.validate(&job, &ready).map(|()| ready));
        match staged {
            Ok(ready) => {
                self.step = Step::Waiting(ready, String::new());
                self.actions.extend([Action::Report, Action::AskToApply { generation: job.generation }]);
            }
            Err(reason) => self.finish(Phase::Failed, &reason),
        }
    }

    fn make_ready(&mut self, job: &Job) -> Result<Vec<Ready>, String> {
        let values = CheckedValues::decode_own(&job.values).unwrap_or_default();
        let mut ready = Vec::new();
        for file in &job.files {
            let target = file.target.clone();
            if !file.template {
                let (name, content) = (file.digest().to_string(), file.digest());
                ready.push(Ready { target, dir: Dir::Store, name, content, size: file.size });
                continue;
            }
            let template =
                self.read_template(file).map_err(|error| format!("can't read the template of {target}: {error}"))?;
            let rendered = render::render(&template, &values).map_err(|error| format!("target {target}: {error}"))?;
            let name = format!("{STAGED}{target}");
            self.write_staged(&name, &rendered)
                .map_err(|error| format!("can't write the rendered file of {target}: {error}"))?;
            let (content, size) = (Digest::of(&rendered), rendered.len() as u64);
            ready.push(Ready { target, dir: Dir::State, name, content, size });
        }
        Ok(ready)
    }

    /// Templates are small, as their manifests were checked for, so they are read as a whole.
    fn read_template(&mut self, file: &JobFile) -> io::Result<Vec<u8>> {
        let mut opened = self.disk.open(&Dir::Store, &file.digest().to_string())?.ok_or(io::ErrorKind::NotFound)?;
        let (mut bytes, mut buffer) = (Vec::new(), vec![0; BUFFER_BYTES]);
        while bytes.len() as u64 <= file.size {
            match self.disk.read(&mut opened, &mut buffer)? {
                0 => break,
                read => bytes.extend_from_slice(&buffer[..read]),
            }
        }
        if Digest::of(&bytes) == file.digest() {
            Ok(bytes)
        } else {
            Err(io::Error::other("it changed after it was checked"))
        }
    }

    /// It need not survive a power cut: it is made again then, and compared when it is copied to its target.
    fn write_staged(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.disk.remove(&Dir::State, name)?;
        let mut file = self.disk.create(&Dir::State, name, Attributes::PRIVATE)?;
        self.disk.write(&mut file, bytes)
    }

    /// Runs the validators: those of the targets, each with the new file, then those that the release names.
    fn validate(&mut self, job: &Job, ready: &[Ready]) -> Result<(), String> {
        for ready in ready {
            let target = self.targets.targets.get(&ready.target);
            let Some(rule) = target.and_then(|target| target.validator.clone()) else { continue };
            let path = self.disk.path(&ready.dir, &ready.name);
            let filled = rule.args.iter().map(|arg| if arg == FILE { path.display().to_string() } else { arg.clone() });
            let rule = ProgramRule { args: filled.collect(), ..rule };
            let run = self.run(&rule, job, &ready.target, self.timing.program);
            run.map_err(|fault| format!("the validator of {} refused the new file: {fault}", ready.target))?;
        }
        for name in &job.validators {
            let Some(rule) = self.targets.checks.get(name).cloned() else { continue };
            let run = self.run(&rule, job, "", self.timing.program);
            run.map_err(|fault| format!("the validator {name} refused the release: {fault}"))?;
        }
        Ok(())
    }

    /// Runs a program for the job. Its output is told only if no value is a secret, because it may quote the file.
    pub(super) fn run(
        &mut self,
        rule: &ProgramRule,
        job: &Job,
        target: &str,
        timeout: std::time::Duration,
    ) -> Result<(), String> {
        let mut environment = vec![("HOMEPOT_GENERATION", job.generation.to_string())];
        if !target.is_empty() {
            environment.push(("HOMEPOT_TARGET", target.to_owned()));
        }
        self.runner.run(rule, &environment, timeout).map_err(|fault| match fault.split_once('\n') {
            Some((head, _)) if job.has_secrets => format!("{head} (its output may hold secrets and is not told)"),
            Some((head, "")) => head.to_owned(),
            Some((head, output)) => format!("{head}: {output}"),
            None => fault,
        })
    }
}

/// Removes rendered files.
pub(super) fn clear<D: Disk>(disk: &mut D) -> io::Result<()> {
    for name in disk.list(&Dir::State)?.iter().filter(|name| name.starts_with(STAGED)) {
        disk.remove(&Dir::State, name)?;
    }
    Ok(())
}
