using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;

using EnvPlatform.Testing;

namespace EnvPlatform.Audit.Tests.Sinks;

/// <summary>Nobody reaches the network of the platform by naming a receiver in it.</summary>
public sealed class ReceiverNetworkTests
{
    private AuditPlatform _platform = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _platform = await AuditPlatform.StartAsync(
        more: new() { ["Audit:PrivateReceivers:0"] = "127.7.0.0/16", ["Audit:SinksPerOrganization"] = "50" });

    [OneTimeTearDown]
    public async Task StopAsync() => await _platform.DisposeAsync();

    [TestCase("webhook", "http://127.0.0.1:{0}/")]
    [TestCase("webhook", "https://127.0.0.1:{0}/")]
    [TestCase("webhook", "https://localhost:{0}/")]
    [TestCase("webhook", "https://2130706433:{0}/")]
    [TestCase("webhook", "https://0x7f.1:{0}/")]
    [TestCase("webhook", "https://0.0.0.0:{0}/")]
    [TestCase("webhook", "https://[::1]:{0}/")]
    [TestCase("webhook", "https://[::ffff:127.0.0.1]:{0}/")]
    [TestCase("webhook", "https://[::]:{0}/")]
    [TestCase("webhook", "https://169.254.169.254/latest/meta-data/")]
    [TestCase("webhook", "https://10.0.0.1/")]
    [TestCase("splunk_hec", "https://192.168.1.1:8088/")]
    [TestCase("syslog", "tls://127.0.0.1:{0}")]
    [TestCase("syslog", "tcp://localhost:{0}")]
    public async Task A_receiver_in_a_private_network_is_not_connected_to(string kind, string address)
    {
        using var listener = new TcpListener(IPAddress.IPv6Any, 0);
        listener.Server.DualMode = true;
        listener.Start();
        var error = await TryAsync(
            kind, string.Format(null, address, ((IPEndPoint)listener.LocalEndpoint).Port), kind == "splunk_hec" ? "t" : null);
        Assert.Multiple(() =>
        {
            Assert.That(error, Does.Contain("has no public address"));
            Assert.That(listener.Pending(), Is.False, "nothing was connected to");
        });
    }

    [Test]
    public async Task What_the_operator_lists_is_connected_to()
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start();
        var trial = TryAsync("webhook", $"http://127.7.1.1:{((IPEndPoint)listener.LocalEndpoint).Port}/", null);
        using (var client = await listener.AcceptTcpClientAsync())
        {
            client.Client.Close(0);
        }

        Assert.That(await trial, Is.Not.Empty.And.Not.Contains("public"));
    }

    private async Task<string> TryAsync(string kind, string address, string? token)
    {
        var log = TestCaller.NewOrganization();
        var administrator = _platform.Instances[0].As(TestCaller.Of(log));
        var url = $"/api/v1/orgs/{log.Slug}/audit-sinks";
        using var created = await administrator.PostAsJsonAsync(new Uri(url, UriKind.Relative), new { name = "x", kind, address, token });
        Assert.That(created.StatusCode, Is.EqualTo(HttpStatusCode.Created), await created.Content.ReadAsStringAsync());
        var id = (await created.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString();
        using var response = await administrator.PostAsync(new Uri($"{url}/{id}/test", UriKind.Relative), null);
        return (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("error").GetString() ?? "";
    }
}
