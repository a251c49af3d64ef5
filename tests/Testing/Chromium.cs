using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>The browser of the machine.</summary>
public static class Chromium
{
    private static readonly string[] Programs = ["/usr/bin/chromium", "/usr/bin/google-chrome", "/usr/bin/chromium-browser"];

    /// <summary>Its program. Without one the test is ignored, but fails where <c>CI</c> is set.</summary>
    public static string Find()
    {
        var found = Programs.FirstOrDefault(File.Exists);
        if (found is null && Environment.GetEnvironmentVariable("CI") is null or "")
        {
            Assert.Ignore("No chromium is installed.");
        }

        return found ?? throw new InvalidOperationException("No chromium is installed.");
    }
}
