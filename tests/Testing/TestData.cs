using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>
/// The folder of real data: <c>ENVPLATFORM_DATA</c>, or <c>../shared/data</c> beside the repository. Tests are ignored without it, and fail
/// in CI.
/// </summary>
public static class TestData
{
    public static string File(params string[] path)
    {
        var file = Path.Combine([Root(), .. path]);
        if (!System.IO.File.Exists(file) && !Directory.Exists(file))
        {
            Missing(file);
        }

        return file;
    }

    /// <summary>The folder itself, for tests that also work without it; null where there is none.</summary>
    public static string? Folder => Directory.Exists(Root()) ? Root() : null;

    private static string Root()
    {
        if (Environment.GetEnvironmentVariable("ENVPLATFORM_DATA") is { Length: > 0 } given)
        {
            return given;
        }

        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(folder.FullName, "EnvPlatform.sln")))
            {
                return Path.Combine(folder.FullName, "..", "shared", "data");
            }
        }

        return "";
    }

    private static void Missing(string file)
    {
        var reason = $"No test data at {file}; set ENVPLATFORM_DATA.";
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
        {
            Assert.Fail(reason);
        }

        Assert.Ignore(reason);
    }
}
