namespace EnvPlatform.Agent.Tests;

/// <summary>The folder of real data: ENVPLATFORM_DATA, or shared/data beside the repository.</summary>
internal static class TestData
{
    /// <summary>The absolute path of a file or folder of the data; the test is ignored where the data is absent, and fails in CI.</summary>
    public static string Path(string relative)
    {
        var folder = Environment.GetEnvironmentVariable("ENVPLATFORM_DATA") is { Length: > 0 } given
            ? given
            : System.IO.Path.Combine(Repository, "..", "shared", "data");
        var path = System.IO.Path.GetFullPath(System.IO.Path.Combine(folder, relative));
        if (!System.IO.Path.Exists(path))
        {
            if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
            {
                Assert.Fail($"{path} is missing; set ENVPLATFORM_DATA to the folder of test data.");
            }

            Assert.Ignore($"{path} is missing; set ENVPLATFORM_DATA to the folder of test data.");
        }

        return path;
    }

    public static string Repository { get; } = FindRepository();

    private static string FindRepository()
    {
        var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Directory.Packages.props")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The tests run outside of the repository.");
    }
}
