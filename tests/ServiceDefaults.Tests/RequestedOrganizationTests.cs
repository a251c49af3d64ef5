using EnvPlatform.Contracts.Ids;
using EnvPlatform.ServiceDefaults.Callers;

using Microsoft.AspNetCore.Http;

namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>Which organization a request is about, and who sends it.</summary>
public sealed class RequestedOrganizationTests
{
    [TestCase(null, null, null)]
    [TestCase("acme", null, "acme")]
    [TestCase(null, "acme", "acme")]
    [TestCase("acme", "other", "acme", Description = "The route decides: it is what the gateway checked the limits of.")]
    [TestCase(null, "", "", Description = "A header that is empty names an organization that nobody has.")]
    public void The_route_comes_before_the_header(string? route, string? header, string? expected)
    {
        var http = new DefaultHttpContext();
        if (route is not null)
        {
            http.Request.RouteValues["org"] = route;
        }

        if (header is not null)
        {
            http.Request.Headers["X-Org-Name"] = header;
        }

        Assert.That(RequestedOrganization.NameIn(http), Is.EqualTo(expected));
    }

    [Test]
    public void A_caller_keeps_where_it_calls_from()
    {
        var origin = new RequestOrigin("request-1", "192.0.2.7", "tests");
        var subject = new SubjectId(Guid.CreateVersion7());
        var caller = Caller.Of(subject, "user", "Ada", origin, "identity", "ada@example.org", isOperator: true);
        Assert.That(
            (caller.SubjectId, caller.RequestId, caller.SourceAddress, caller.UserAgent, caller.Service, caller.Email, caller.IsOperator),
            Is.EqualTo((subject, "request-1", "192.0.2.7", "tests", "identity", "ada@example.org", true)));
        Assert.That((caller.Organization, caller.TokenId), Is.EqualTo(((Membership?)null, (TokenId?)null)));
    }

    [Test]
    public void The_system_acts_for_an_organization_or_for_none()
    {
        var organization = new OrganizationId(Guid.CreateVersion7());
        var system = Caller.OfSystem("scanner", organization);
        Assert.That((system.SubjectType, system.OrgId, system.RequestId, system.SourceAddress),
            Is.EqualTo((Caller.SystemSubject, organization, "", (string?)null)));
        Assert.That(Caller.OfSystem("scanner", null).Organization, Is.Null);
        Assert.That(Caller.OfSystem("identity", null, new RequestOrigin("r", "192.0.2.7", null)).SourceAddress, Is.EqualTo("192.0.2.7"));
    }
}
