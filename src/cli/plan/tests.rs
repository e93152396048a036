use super::*;

/// The plan of a file's text, as it is shown; the folder of the file is DIR.
async fn shown(text: &str, commands: &[&str]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("e.yaml");
    std::fs::write(&file, text).unwrap();
    std::fs::write(dir.path().join("compose.yaml"), "services: { api: { image: x, scale: 2 } }")
        .unwrap();
    let (plans, doubtful) = resolve(&file, &OverrideArgs::default()).await.unwrap();
    let commands = commands.iter().map(|c| (*c).to_owned()).collect();
    let forecast = forecast(&plans, &doubtful, commands);
    let sweep = SweepForecast::of(&plans);
    super::text(&plans[0], &forecast, sweep.as_ref())
        .replace(&dir.path().display().to_string(), "DIR")
}

#[tokio::test]
async fn a_plan_of_containers_says_all_of_it() {
    let text = "version: 1
name: night
seed: 9
target: { compose: { file: compose.yaml } }
load:
  settle: 30s
  warmup: 1m
  profile:
    - ramp: { from: 50/s, to: 100/s, over: 10m }
    - hold: { rate: 100/s, for: 6h }
    - pause: { for: 5m }
  cooldown: 10m
  scenarios:
    browse: { weight: 8, steps: [ http: { get: \"http://api.target:80/\" } ] }
    buy: { weight: 2, steps: [ http: { post: \"http://api.target:80/orders\" } ] }
faults:
  - name: kill-all
    inject: { kill: { service: api, pick: all } }
    schedule: { every: 2h }
    recover_within: 2m
  - { name: cut, inject: { pause: { service: api, pick: 3 } }, schedule: { at: 3h }, for: 20s }
steady_state: { for: 1m, require: [ { error_rate: { max: 1% } } ] }
limits:
  - error_rate: { max: 1%, warn: 0.5%, scope: outside_faults }
  - leak: { service: api }
  - abort_when: { error_rate: { max: 50%, window: 5m } }
";
    insta::assert_snapshot!(shown(text, &["docker compose -p night up -d"]).await, @"
        night   seed 9

        target      compose project night from DIR/compose.yaml
        services    api x 2
        in all      6h 26m 30s from the ready target on
        disk        about 15.2 MiB

        load        2,206,500 arrivals, at most 100 connections, 10s for each step
          at        for  what                               arrivals
          before    30s  no load yet                               0
          before    1m   warm-up, 0/s to 50/s, not judged      1,500
          00:00:00  10m  ramp 50/s to 100/s over 10m          45,000
          00:10:00  6h   hold 100/s for 6h                 2,160,000
          06:10:00  5m   pause for 5m                              0
          06:15:00  10m  cool-down, no load                        0

        scenarios
          name    weight  share   arrivals
          browse       8    80%  1,765,200
          buy          2    20%    441,300

          before the first fault  must be     warns unless
          error_rate, first 1m    at most 1%

          limits                     must be         warns unless
          error_rate outside faults  at most 1%      at most 0.5%
          leak api                   no gauge leaks  none is suspected
          recovery kill-all          at most 2m

          ends the run early unless  must be      warns unless
          error_rate, any 5m         at most 50%

        4 faults, counted from the start of the profile
            02:00:00.0  kill-all-1               SIGKILL to api#1, api#2, for 5s
            03:00:00.0  cut-1                    pause api#1, api#2, for 20s
            04:00:00.0  kill-all-2               SIGKILL to api#1, api#2, for 5s
            06:00:00.0  kill-all-3               SIGKILL to api#1, api#2, for 5s
          note: cut: api has 2 of the 3 instances to pick: all are hit

        commands
          docker compose -p night up -d
          RUN is the run's folder among the records; the last one is left out with --keep-up

        needs       the Docker socket

        warnings
          the faults destroy what `leak` of api rests on: each of its replicas is started again, and the longest life without that takes 2h (api#1)
            hint: a life of 6h or more tells a leak: let the faults come less often, hurt a service that is not under `leak`, or make the profile longer; `pick` can't spare a replica, it draws anew each time
        ");
}

#[tokio::test]
async fn a_plan_of_a_sweep_shows_its_sizes_and_how_long_all_of_them_take() {
    let text = "version: 1
name: scaling
target: { process: { command: [server, \"{{port}}\"] } }
sweep: { scale: { app: [2, 1, 4] } }
load:
  profile: [ users: { count: 5, for: 1h } ]
  scenarios: { root: { steps: [ http: { get: \"http://app.target:80/\" } ] } }
faults: [ { name: freeze, inject: { pause: { service: app, pick: all } }, schedule: { at: 5m }, for: 5s } ]
limits: [ efficiency: { min: 70%, warn: 80% } ]
";
    let shown = shown(text, &[]).await;
    for wanted in [
        "services    app x 2\n",
        "sweep       3 runs one after the other, 3h in all",
        "  app x 2   1h       1  ",
        "  app x 1   1h       1  ",
        "  app x 4   1h       1  ",
        "limits of the sweep  must be       warns unless\n  efficiency           at least 70%  at least 80%",
        "pause app#1, app#2, for 5s",
    ] {
        assert!(shown.contains(wanted), "{wanted:?} in {shown}");
    }
}

#[tokio::test]
async fn a_plan_of_processes_needs_no_privileges() {
    let text = "version: 1
name: short
target: { process: { command: [server, \"{{port}}\"], env: { API_TOKEN: \"sk-1\", DB: \"{{secret.db}}\" } } }
secrets: { db: { env: LONGHAUL_TEST_NOT_SET }, key: { file: /no/such/key } }
load:
  profile: [ hold: { rate: 5/s, for: 1h } ]
  scenarios: { root: { steps: [ http: { get: \"http://app.target:80/\" } ] } }
limits: [ leak: {} ]
";
    insta::assert_snapshot!(shown(text, &["server {{port}}   (app x 1)"]).await, @"
        short   seed 1

        target      child processes
        services    app x 1
        secrets     db from the environment variable LONGHAUL_TEST_NOT_SET
                    key from the file /no/such/key
        in all      1h from the ready target on
        disk        about 3.5 MiB

        load        18,000 arrivals, at most 100 connections, 10s for each step
          at        for  what             arrivals
          00:00:00  1h   hold 5/s for 1h    18,000

        scenarios
          name  weight  share  arrivals
          root       1   100%    18,000

          limits  must be         warns unless
          leak    no gauge leaks  none is suspected

        0 faults, counted from the start of the profile

        commands
          server {{port}}   (app x 1)

        needs       no privileges: every process is longhaul's own child

        warnings
          line 3, column 71: `API_TOKEN` looks like a secret, and its value stands in the file
            hint: name its source under `secrets` and write {{secret.NAME}} here: the record of every run holds what the file holds
          a `leak` limit can't fail here: nothing is called leaking before 2h of record, and the profile takes 1h
            hint: hold the load for 2h or longer
          the secret `db` can't be read here: the environment has no variable LONGHAUL_TEST_NOT_SET
            hint: a run reads it when it begins
          the secret `key` can't be read here: /no/such/key: there is no such file
            hint: a run reads it when it begins
        ");
}
