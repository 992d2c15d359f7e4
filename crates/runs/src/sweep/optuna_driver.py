"""Chooses the next trial of a Deskside sweep with Optuna. Speaks JSON, a line each way, over stdin and stdout.

It keeps nothing: every question holds all trials there are, so that it can be killed at any moment. Parameters are numbered;
those that can be counted are places from 0, others their values.
"""

import json
import sys


def main():
    out, sys.stdout = sys.stdout, sys.stderr

    def say(answer):
        out.write(json.dumps(answer) + "\n")
        out.flush()

    try:
        import optuna
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}"})
        return 1
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    say({"optuna": optuna.__version__})
    for line in sys.stdin:
        try:
            say(ask(optuna, json.loads(line)))
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})
    return 0


def distribution(optuna, parameter):
    kinds = optuna.distributions
    if parameter["kind"] == "choice":
        return kinds.CategoricalDistribution(list(range(parameter["count"])))
    if parameter["kind"] == "int":
        return kinds.IntDistribution(0, parameter["count"] - 1)
    return kinds.FloatDistribution(parameter["low"], parameter["high"], log=parameter["log"])


def ask(optuna, question):
    import warnings

    warnings.simplefilter("ignore")
    space = {str(at): distribution(optuna, one) for at, one in enumerate(question["space"])}
    sampler = optuna.samplers.TPESampler(
        seed=question["seed"], n_startup_trials=question["startup"], multivariate=True, constant_liar=True
    )
    study = optuna.create_study(sampler=sampler, direction="minimize")
    states = optuna.trial.TrialState
    for trial in question["trials"]:
        cost, step = trial.get("cost"), trial.get("step")
        state = {"done": states.COMPLETE, "pruned": states.PRUNED, "open": states.RUNNING}.get(
            trial["state"], states.FAIL
        )
        if state == states.COMPLETE and cost is None:
            state = states.FAIL
        study.add_trial(
            optuna.trial.create_trial(
                state=state,
                value=cost if state == states.COMPLETE else None,
                params={str(at): value for at, value in enumerate(trial["at"])},
                distributions=space,
                intermediate_values={step: cost} if state == states.PRUNED and cost is not None else None,
            )
        )
    params = study.ask(space).params
    return {"at": [params[str(at)] for at in range(len(space))]}


if __name__ == "__main__":
    sys.exit(main())
