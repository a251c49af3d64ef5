using EnvPlatform.ServiceDefaults.Callers;

namespace EnvPlatform.Testing;

/// <summary>A test organization with its members, and a member of another one.</summary>
public sealed class TestPeople
{
    public TestPeople()
    {
        Ada = TestCaller.Of(Organization, "ada@example.org");
        Bob = TestCaller.Of(Organization with { Role = Roles.Member }, "bob@example.org");
        Eve = TestCaller.Of(Organization with { Role = Roles.Member }, "eve@example.org");
        Aud = TestCaller.Of(Organization with { Role = Roles.Auditor }, "aud@example.org");
        Operator = TestCaller.Of(Organization, "operator@example.org") with { IsOperator = true };
        Mallory = TestCaller.Of(TestCaller.NewOrganization(), "mallory@example.net");
    }

    public Membership Organization { get; } = TestCaller.NewOrganization();

    /// <summary>An administrator of the organization.</summary>
    public TestCaller Ada { get; }

    /// <summary>A member of the organization.</summary>
    public TestCaller Bob { get; }

    /// <summary>Another member.</summary>
    public TestCaller Eve { get; }

    /// <summary>An auditor of the organization.</summary>
    public TestCaller Aud { get; }

    /// <summary>Runs the platform.</summary>
    public TestCaller Operator { get; }

    /// <summary>An administrator of another organization.</summary>
    public TestCaller Mallory { get; }
}
