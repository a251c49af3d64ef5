using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class PlainTextTests
{
    [TestCase("conda install numpy", "conda install numpy")]
    [TestCase("python -c 'a\n\tb'\r\nc", "python -c 'a\n\tb'\nc")]
    [TestCase("a\u001b[2Jb\u009bc\u007f\rd\0", "a\uFFFD[2Jb\uFFFDc\uFFFD\uFFFDd\uFFFD")]
    public void Control_characters_are_replaced_but_lines_and_tabs_stay(string text, string plain) =>
        Assert.That(PlainText.Of(text), Is.EqualTo(plain));
}
