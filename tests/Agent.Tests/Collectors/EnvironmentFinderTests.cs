using EnvPlatform.Agent.Collectors;

namespace EnvPlatform.Agent.Tests.Collectors;

public sealed class EnvironmentFinderTests
{
    private TemporaryFolder _home = null!;

    [SetUp]
    public void CreateHome() => _home = new TemporaryFolder();

    [TearDown]
    public void RemoveHome() => _home.Dispose();

    [Test]
    public void Environments_are_found_by_every_way_that_conda_knows_and_each_once()
    {
        var noted = Environment("projects/x/env");
        var listed = Environment("elsewhere/listed");
        var variable = Environment("from-variable/v");
        var basis = Environment("opt/forge");
        Directory.CreateDirectory(_home.Combine("opt/forge/condabin"));
        var child = Environment("opt/forge/envs/child");
        var user = Environment(".conda/envs/mine");
        var active = Environment("active");
        _home.Write(".conda/environments.txt", $"{noted}\n\n{_home.Combine("stale")}\n{child}/\n");
        _home.Write(".condarc", "channels: [conda-forge]\nenvs_dirs:\n  - ~/elsewhere\n");
        Directory.CreateDirectory(_home.Combine("elsewhere/not-an-environment"));

        var finder = Finder(
            ("CONDA_PREFIX", active), ("CONDA_ENVS_PATH", _home.Combine("from-variable")),
            ("CONDA_EXE", Path.Combine(basis, "bin", "conda")));
        Assert.Multiple(() =>
        {
            Assert.That(finder.All().Where(path => path.StartsWith(_home.Path, StringComparison.Ordinal)),
                Is.EqualTo(new[] { noted, listed, variable, basis, child, user, active }.Order(StringComparer.Ordinal)));
            Assert.That(finder.ByName("listed"), Is.EqualTo(listed));
            Assert.That(finder.ByName("base"), Is.EqualTo(basis));
            Assert.That(finder.ByName("env"), Is.EqualTo(noted));
            Assert.That(finder.ByName("nothing"), Is.Null);
            Assert.That(finder.ByName("../listed"), Is.Null);
        });
    }

    [Test]
    public void Environments_of_pixi_are_found_and_called_as_pixi_does()
    {
        var tool = Environment(".pixi/envs/ruff");
        var own = Environment("work/demo/.pixi/envs/default");
        var test = Environment("work/demo/.pixi/envs/test");
        var active = Environment("other/.pixi/envs/default");
        var detached = Environment("plain/envs/default");
        foreach (var prefix in new[] { tool, own, test, active, detached })
        {
            File.WriteAllText(Path.Combine(prefix, "conda-meta", "pixi"), """{"environment_name": "x"}""");
        }

        _home.Write("uninstalled/pixi.lock");
        var finder = new EnvironmentFinder(
            Surroundings([("PIXI_PROJECT_ROOT", _home.Combine("other"))]) with { CurrentFolder = _home.Combine("work/demo/src/deep") });
        Assert.Multiple(() =>
        {
            Assert.That(finder.All().Where(path => path.StartsWith(_home.Path, StringComparison.Ordinal)),
                Is.EqualTo(new[] { tool, own, test, active }.Order(StringComparer.Ordinal)));
            Assert.That(
                new[] { own, test, active, detached }.Select(CondaEnvironment.NameOf),
                Is.EqualTo(new[] { "demo", "demo:test", "other", "default" }));
            Assert.That(
                PixiEnvironments.Advice(_home.Combine("work/demo")),
                Is.EqualTo($" It is a project of pixi: give one of its environments, {own}, {test}."));
            Assert.That(
                PixiEnvironments.Advice(_home.Combine("uninstalled")), Does.Contain($"--file {_home.Combine("uninstalled/pixi.lock")}"));
            Assert.That(PixiEnvironments.Advice(_home.Combine("plain")), Is.Empty);
        });
    }

    [Test]
    public void A_broken_configuration_hides_nothing_else()
    {
        var user = Environment(".conda/envs/mine");
        _home.Write(".condarc", "envs_dirs: [unclosed");
        Assert.That(Finder().ByName("mine"), Is.EqualTo(user));
    }

    [TestCase(".conda/environments.txt", "the environments that it lists")]
    [TestCase(".condarc", "the environments in folders that it names")]
    public void A_list_of_environments_that_cannot_be_read_is_said(string file, string missed)
    {
        var user = Environment(".conda/envs/mine");
        // A folder in its place: the superuser, too, cannot read it.
        Directory.CreateDirectory(_home.Combine(file));
        var finder = Finder();
        Assert.Multiple(() =>
        {
            Assert.That(finder.All(), Does.Contain(user));
            Assert.That(finder.Unread.Single(), Does.StartWith($"{_home.Combine(file)} cannot be read, so that {missed} may be missing"));
        });
    }

    [Test]
    public void Configuration_that_is_not_YAML_is_said()
    {
        _home.Write(".condarc", "envs_dirs: [unclosed");
        var finder = Finder();
        _ = finder.ByName("mine");
        Assert.That(finder.Unread.Single(), Does.EndWith("may be missing: it is not valid YAML"));
    }

    [Test]
    [Platform(Exclude = "Win", Reason = "Links need a right there.")]
    public void A_folder_of_environments_that_cannot_be_listed_is_said()
    {
        // A link to itself.
        Directory.CreateDirectory(_home.Combine(".conda"));
        File.CreateSymbolicLink(_home.Combine(".conda/envs"), _home.Combine(".conda/envs"));
        var finder = Finder();
        _ = finder.All();
        Assert.That(finder.Unread.Single(), Does.Contain(_home.Combine(".conda/envs")).And.Contains("the environments in it"));
    }

    [Test]
    public void What_is_not_there_is_not_worth_a_word()
    {
        _home.Write("a-file");
        _home.Write(".conda/environments.txt", $"{_home.Combine("stale")}\n{_home.Combine("a-file/env")}\n");
        var finder = Finder(("CONDA_ENVS_PATH", _home.Combine("nowhere") + Path.PathSeparator + _home.Combine("a-file")));
        Assert.That(finder.All().Where(path => path.StartsWith(_home.Path, StringComparison.Ordinal)), Is.Empty);
        Assert.That(finder.Unread, Is.Empty);
    }

    private string Environment(string relative)
    {
        _home.Write(relative + "/conda-meta/history");
        return _home.Combine(relative);
    }

    private EnvironmentFinder Finder(params (string Name, string Value)[] variables) => new(Surroundings(variables));

    private Surroundings Surroundings((string Name, string Value)[] variables) => new()
    {
        In = TextReader.Null,
        Out = TextWriter.Null,
        Error = TextWriter.Null,
        Variables = variables.ToDictionary(variable => variable.Name, variable => variable.Value, StringComparer.Ordinal),
        HomeFolder = _home.Path,
        CurrentFolder = _home.Path,
        HostName = "test",
    };
}
