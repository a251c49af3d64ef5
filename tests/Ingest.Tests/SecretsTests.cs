using EnvPlatform.Contracts.Masking;

namespace EnvPlatform.Ingest.Tests;

public sealed class SecretsTests
{
    /// <summary>What is put in place of VALUE, in every form below.</summary>
    private static readonly string[] Values = ["hunter2", "p@ss:w0rd", "a%2Fb+c=", "ab-12_34.x~y", "Zm9vYmFyYmF6cXV4"];

    private static readonly string[] Forms =
    [
        "conda install -c https://conda.anaconda.org/t/VALUE/team numpy",
        "conda install -c https://ada:VALUE@host.example/main numpy",
        "conda install -c ada:VALUE@host.example/main numpy",
        "conda config --add channels https%3A%2F%2Fada%3AVALUE%40host.example%2Fmain",
        "anaconda login --username ada --password VALUE",
        "anaconda login --password=VALUE",
        "anaconda --token VALUE upload x.conda",
        "anaconda -v --api-key VALUE",
        "twine upload --repository-secret 'VALUE' dist/x",
        "pip install x --index-url 'https://VALUE@host.example/simple'",
        "pip install git+https://oauth2:VALUE@host.example/a/b.git",
        "pip install x --extra-index-url https://host.example/simple?page=2&access_token=VALUE",
        "pip install https://host.example/x.whl?se=2026&sig=VALUE",
        "ANACONDA_API_TOKEN=VALUE conda install x",
        "export AWS_SECRET_ACCESS_KEY=VALUE",
        "set \"PIP_PASSWORD=VALUE\"",
        "curl -H 'Authorization: Bearer VALUE' https://host.example/x",
        "curl -H \"Authorization: VALUE\" https://host.example/x",
        "curl -H 'X-JFrog-Art-Api: VALUE' https://host.example/x",
        "curl -H 'PRIVATE-TOKEN: VALUE' https://host.example/x",
        "curl -H 'Cookie: session=VALUE; theme=dark' https://host.example/x",
        "curl -u ada:VALUE https://host.example/x",
        "curl --user 'ada:VALUE' https://host.example/x",
        "wget --http-password=VALUE https://host.example/x",
        "echo '{\"token\": \"VALUE\"}'",
        "echo 'password: VALUE'",
        "openssl x -----BEGIN RSA PRIVATE KEY-----\nVALUE\n-----END RSA PRIVATE KEY-----",
    ];

    private static readonly string[] Known =
    [
        "ghp_abcdefghij0123456789ABCDEFGHIJ012345", "github_pat_11ABCDEFG0123456789_abcdefghij", "glpat-abcdefghij0123456789",
        "xoxb-1234567890-abcdefghij", "AKIAIOSFODNN7EXAMPLE", "hf_abcdefghij0123456789", "npm_abcdefghij0123456789abcd",
        "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw", "sk-abcdefghij0123456789abcd", "envp_362T1Vu3473e4BsLpfXrHjMepgMlAy35bI4c",
        "envi_362T1Vu3473e4BsLpfXrHjMepgMlAy35bI4c", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    ];

    /// <summary>A command of every form with that secret.</summary>
    internal static IEnumerable<string> Commands(string secret) =>
        Forms.Select(form => form.Replace("VALUE", secret, StringComparison.Ordinal));

    [TestCase("conda install -c https://example.org/t/tk-1a2b/main x", "conda install -c https://example.org/t/***/main x")]
    [TestCase("conda install -c https://example.org/t/tk-1a2b", "conda install -c https://example.org/t/***")]
    [TestCase("conda install -c https://ada:p@ss:word@host/main numpy", "conda install -c https://***@host/main numpy")]
    [TestCase("conda install -c ada:pass@host/main numpy", "conda install -c ***@host/main numpy")]
    [TestCase("pip install git+https://user:pa$$@example.org/r.git", "pip install git+https://***@example.org/r.git")]
    [TestCase("pip install --index-url 'https://token@example.org/simple' y", "pip install --index-url 'https://***@example.org/simple' y")]
    [TestCase("https://a:b@x.org/t/s/c https://c:d@y.org/", "https://***@x.org/t/***/c https://***@y.org/")]
    [TestCase("anaconda login --password hunter2 --username ada", "anaconda login --password *** --username ada")]
    [TestCase("anaconda login --password='hunter 2' x", "anaconda login --password=*** x")]
    [TestCase(
        "pip install x --extra-index-url https://h/simple?token=abc&y=1", "pip install x --extra-index-url https://h/simple?token=***&y=1")]
    [TestCase("ANACONDA_API_KEY=abc conda install x", "ANACONDA_API_KEY=*** conda install x")]
    public void Only_the_secret_is_masked(string text, string masked) => Assert.That(Secrets.Masked(text), Is.EqualTo(masked));

    [TestCase("conda install numpy")]
    [TestCase("https://example.org/t/***/main https://***@example.org")]
    [TestCase("conda install 'numpy@main' -c conda-forge/label/x@y")]
    [TestCase("/opt/conda/bin/conda install -n science 'numpy>=1.21' conda-forge::pytorch=1.10=cuda* pip")]
    [TestCase("conda create -p /home/ada/t-envs/x --file env.txt")]
    [TestCase("conda install https://conda.anaconda.org/conda-forge/noarch/tokenize-rt-4.2.1-py_0.conda secretstorage=3.3")]
    [TestCase("conda install tokenizers=0.13.2 keyring=23 python-jose=3 -u conda-forge::cookiecutter")]
    [TestCase("pip install --user git+https://github.com/a/b")]
    public void Ordinary_commands_stay_as_they_are(string command) => Assert.That(Secrets.Masked(command), Is.EqualTo(command));

    [Test]
    public void No_form_of_a_secret_is_missed() =>
        Assert.Multiple(() =>
        {
            foreach (var value in Values)
            {
                foreach (var text in Commands(value))
                {
                    Assert.That(Secrets.Masked(text), Does.Not.Contain(value).And.Contain("***"), text);
                }
            }

            foreach (var token in Known)
            {
                Assert.That(Secrets.Masked($"conda run -n x tool {token} --verbose"), Is.EqualTo("conda run -n x tool *** --verbose"));
            }
        });

    [Test]
    public void What_is_masked_stays_masked() =>
        Assert.Multiple(() =>
        {
            foreach (var masked in Commands("hunter2").Select(Secrets.Masked))
            {
                Assert.That(Secrets.Masked(masked), Is.EqualTo(masked));
            }
        });

    /// <summary>Texts of the greatest length that a command may have, made so that a careless pattern begins at every character.</summary>
    [TestCase("a:")]
    [TestCase("=x:yyyy")]
    [TestCase("x-token")]
    [TestCase("x-")]
    [TestCase("token-")]
    [TestCase("--token-a ")]
    [TestCase("eyJ-")]
    [TestCase("%3A%2F%2F")]
    [TestCase("://a")]
    [TestCase("-----BEGIN ")]
    [TestCase("authorization ")]
    [TestCase("bearer\t")]
    [TestCase("\"'")]
    public void A_hostile_text_is_read_to_its_end(string part)
    {
        var text = string.Concat(Enumerable.Repeat(part, 16_384 / part.Length));
        Assert.That(Secrets.Masked(text + " end"), Does.EndWith(" end"), "not masked whole for want of time");
    }
}
