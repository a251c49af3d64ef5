using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class SecretsTests
{
    [TestCase(
        "conda install -c https://conda.anaconda.org/t/ab-123/team numpy", "conda install -c https://conda.anaconda.org/t/***/team numpy")]
    [TestCase("conda install -c https://host/t/ab-123", "conda install -c https://host/t/***")]
    [TestCase("conda install -c https://ada:pass@host/main numpy", "conda install -c https://***@host/main numpy")]
    [TestCase("conda install -c https://ada:p@ss:word@host/main numpy", "conda install -c https://***@host/main numpy")]
    [TestCase("pip install git+https://ghp_token@github.com/a/b", "pip install git+https://***@github.com/a/b")]
    [TestCase("conda install -c ada:pass@host/main numpy", "conda install -c ***@host/main numpy")]
    [TestCase("anaconda login --password hunter2 --username ada", "anaconda login --password *** --username ada")]
    [TestCase("anaconda login --password='hunter 2' x", "anaconda login --password=*** x")]
    [TestCase(
        "pip install x --extra-index-url https://h/simple?token=abc&y=1", "pip install x --extra-index-url https://h/simple?token=***&y=1")]
    [TestCase("ANACONDA_API_KEY=abc conda install x", "ANACONDA_API_KEY=*** conda install x")]
    public void What_could_sign_somebody_in_is_masked(string command, string expected) =>
        Assert.That(Secrets.Masked(command), Is.EqualTo(expected));

    [TestCase("/opt/conda/bin/conda install -n science 'numpy>=1.21' conda-forge::pytorch=1.10=cuda* pip")]
    [TestCase("conda create -p /home/ada/t-envs/x --file env.txt")]
    [TestCase("conda install https://conda.anaconda.org/conda-forge/noarch/tokenize-rt-4.2.1-py_0.conda secretstorage=3.3")]
    public void Ordinary_commands_stay_as_they_are(string command) =>
        Assert.That(Secrets.Masked(command), Is.EqualTo(command));
}
