namespace EnvPlatform.Ingest.Tests;

public sealed class SecretsTests
{
    [TestCase("conda install numpy", "conda install numpy")]
    [TestCase("conda install -c https://example.org/t/tk-1a2b/main x", "conda install -c https://example.org/t/***/main x")]
    [TestCase("conda install -c https://example.org/t/tk-1a2b", "conda install -c https://example.org/t/***")]
    [TestCase("pip install git+https://user:pa$$@example.org/r.git", "pip install git+https://***@example.org/r.git")]
    [TestCase("pip install --index-url 'https://token@example.org/simple' y", "pip install --index-url 'https://***@example.org/simple' y")]
    [TestCase("https://a:b@x.org/t/s/c https://c:d@y.org/", "https://***@x.org/t/***/c https://***@y.org/")]
    [TestCase("https://example.org/t/***/main https://***@example.org", "https://example.org/t/***/main https://***@example.org")]
    [TestCase("conda install 'numpy@main' -c conda-forge/label/x@y", "conda install 'numpy@main' -c conda-forge/label/x@y")]
    public void Tokens_and_passwords_are_hidden(string text, string masked) => Assert.That(Secrets.Mask(text), Is.EqualTo(masked));
}
