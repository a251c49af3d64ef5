using EnvPlatform.Agent.Tests.Commands;

namespace EnvPlatform.Agent.Tests.SignIn;

/// <summary>The base of the fixtures of sign-ins: a platform with an authorization server, and a machine that is not signed in.</summary>
public abstract class SignInFixture : CommandFixture
{
    private protected AuthorizationServer Server { get; private set; } = null!;

    private protected string CredentialsFile => Path.ChangeExtension(Machine.SettingsFile, "credentials.json");

    [SetUp]
    public void ServeSignIn()
    {
        Machine.Variables.Clear();
        Machine.Variables["ENVPLATFORM_MACHINE_ID"] = "0192f0c1-0000-7000-8000-000000000001";
        Server = new AuthorizationServer(Platform);
        Platform.On($"PUT {Orgs}/machines/0192f0c1-0000-7000-8000-000000000001", 200, "{}");
    }

    /// <summary>A program that stands for a browser: it follows the address, and whatever it leads to.</summary>
    private protected void HaveBrowser(
        string follow = "curl --silent --show-error --location --output \"$(dirname \"$0\")/page.html\" \"$1\"")
    {
        var script = Machine.Write("browser.sh", $"#!/bin/sh\n{follow}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(script, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        Machine.Variables["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "";
        Machine.Variables["BROWSER"] = script;
    }

    /// <summary>A sign-in as a former run left it.</summary>
    private protected (string Access, string Refresh) SignedIn(TimeSpan? expiresIn = null)
    {
        var (access, refresh) = Server.Issue();
        var expires = TimeProvider.System.GetUtcNow() + (expiresIn ?? TimeSpan.FromMinutes(15));
        Machine.Write(
            ".config/envplatform/settings.json",
            $$"""{"url":"{{Platform.Url}}","organization":"acme","method":"browser","kept_in":"file"}""");
        Machine.Write(".config/envplatform/settings.credentials.json", $$"""
            {"url":"{{Platform.Url}}","token":"{{access}}","expires_at":"{{expires:O}}","refresh_token":"{{refresh}}","token_endpoint":"{{Platform.Url}}/oauth/token","revocation_endpoint":"{{Platform.Url}}/oauth/revoke"}
            """);
        return (access, refresh);
    }
}
