using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class CondaHistoryTests
{
    private const string History =
        """
        ==> 2026-03-01 10:00:00 <==
        # cmd: /opt/conda/bin/conda create -n science python=3.9
        # conda version: 24.9.0
        +conda-forge/linux-64::python-3.9.18-h0755675_1_cpython
        # update specs: ['python=3.9']
        ==> 2026-03-02 10:00:00 <==
        # cmd: /opt/conda/bin/conda install -c https://conda.anaconda.org/t/ab-1234/team numpy
        # conda version: 24.9.0
        -team/linux-64::numpy-1.21.1-py39_0
        +team/linux-64::numpy-1.21.2-py39_0
        ==> 2026-03-03 10:00:00 <==
        """;

    [Test]
    public void The_last_command_is_taken_and_its_secrets_are_masked() =>
        Assert.That(
            CondaHistory.LastCommand(History.Split('\n')),
            Is.EqualTo("/opt/conda/bin/conda install -c https://conda.anaconda.org/t/***/team numpy"));

    [Test]
    public void A_history_without_commands_has_no_last_one() =>
        Assert.That(CondaHistory.LastCommand(["==> 2026-03-03 10:00:00 <==", "# cmd:", "+a::b"]), Is.Null);
}
