using NUnit.Framework;

namespace EnvPlatform.Testing;

/// <summary>
/// The real servers that tests use: those that the variables <c>ENVPLATFORM_TEST_POSTGRES</c>, <c>_RABBITMQ</c> and <c>_REDIS</c> name
/// (connection strings), otherwise private ones, started once for a test run. Where they cannot be started, tests are ignored with the reason,
/// and fail when <c>CI</c> is set.
/// </summary>
public static class TestServers
{
    public static string Postgres => Require("ENVPLATFORM_TEST_POSTGRES");

    public static string RabbitMq => Require("ENVPLATFORM_TEST_RABBITMQ");

    public static string Redis => Require("ENVPLATFORM_TEST_REDIS");

    private static string Require(string variable)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given)
        {
            return given;
        }

        var reason = $"No server: {variable} is not set.";
        if (Environment.GetEnvironmentVariable("CI") is { Length: > 0 })
        {
            Assert.Fail(reason);
        }

        Assert.Ignore(reason);
        return "";
    }
}
